import { useDocumentVisibility, useWindowFocus } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { i18n } from '../i18n'
import { announce } from '../parts/announcer'
import { router } from '../router'
import type { LogEvent } from '../delivery/frames'
import { useAccount } from './account'
import { useChats } from './chats'
import { useLive } from './live'
import { useSettings } from './settings'

/** The least time between two sounds. */
const soundEvery = 2_000

/** Tells of messages: in the title, by sound, by the system, and to screen readers. */
export const useNotifier = defineStore('notifier', () => {
  const { t } = i18n.global
  const account = useAccount()
  const chats = useChats()
  const { settings } = useSettings()
  const focused = useWindowFocus()
  const visible = useDocumentVisibility()
  const looking = ref('')
  const attentive = computed(() => focused.value && visible.value === 'visible')
  let soundAt = 0

  watch(
    [() => chats.unread, () => account.signedIn],
    ([unread, signedIn]) => (document.title = signedIn && unread > 0 ? `(${unread > 99 ? '99+' : unread}) Chatire` : 'Chatire'),
    { immediate: true },
  )

  useLive().onEvent((uri, e) => {
    if (e.event === 'joined' && e.member && uri === looking.value && e.member.id !== account.me?.id) announce(t('facts.joined', { name: e.member.username }))
    if (e.event === 'message') hear(uri, e)
  })

  function hear(uri: string, e: LogEvent): void {
    const s = chats.byUri.get(uri)
    if (!s || e.user.id === account.me?.id) return
    if (uri === looking.value) announce(t('facts.said', { name: e.user.username, text: (e.message ?? '').slice(0, 200) }), (n) => t('message.new', n))
    const mentioned = account.me !== null && (e.mentions ?? []).includes(account.me.id)
    if (s.notify === 'none' || (s.notify === 'mentions' && !mentioned)) return
    if (attentive.value) return
    beep()
    show(uri, s.title, e)
  }

  /** Two short notes, made here so that nothing has to be loaded. */
  function beep(): void {
    if (!settings.sound || Date.now() - soundAt < soundEvery) return
    soundAt = Date.now()
    try {
      const audio = new AudioContext()
      const gain = audio.createGain()
      gain.gain.setValueAtTime(0.08, audio.currentTime)
      gain.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.35)
      gain.connect(audio.destination)
      for (const [pitch, at] of [[880, 0], [1318, 0.09]] as const) {
        const note = audio.createOscillator()
        note.frequency.value = pitch
        note.connect(gain)
        note.start(audio.currentTime + at)
        note.stop(audio.currentTime + 0.36)
      }
      setTimeout(() => void audio.close(), 600)
    } catch {
      // no sound here
    }
  }

  function show(uri: string, title: string, e: LogEvent): void {
    if (!settings.notifications || !('Notification' in window) || Notification.permission !== 'granted') return
    const note = new Notification(title || e.user.username, { body: `${e.user.username}: ${(e.message ?? '').slice(0, 160)}`, tag: uri, icon: '/icon-192.png' })
    note.onclick = () => {
      window.focus()
      void router.push({ name: 'chat', params: { uri } })
      note.close()
    }
  }

  /** Asks the browser whether it may show notifications; only ever after a click. */
  async function allow(): Promise<boolean> {
    if (!('Notification' in window)) return false
    return (await Notification.requestPermission()) === 'granted'
  }

  return { looking, attentive, allow }
})
