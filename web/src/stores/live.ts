import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { api } from '../api/client'
import { Socket, type SocketState } from '../delivery/socket'
import type { LogEvent } from '../delivery/frames'
import { useAccount } from './account'
import { useChats, type Summary } from './chats'
import { useConversations } from './conversation'
import { useDrafts } from './drafts'
import { useOutbox } from './outbox'

/** For how long a connection may be away before people are told. */
const quiet = 2_000

/** The websocket, and what it brings to the other stores. */
export const useLive = defineStore('live', () => {
  const account = useAccount()
  const chats = useChats()
  const conversations = useConversations()
  const outbox = useOutbox()
  const drafts = useDrafts()
  const state = ref<SocketState>('off')
  const retryAt = ref(0)
  const down = ref(false)
  const listeners = new Set<(uri: string, e: LogEvent) => void>()
  let downTimer: ReturnType<typeof setTimeout> | undefined

  const socket = new Socket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/`, {
    state(now, at, unanswered) {
      state.value = now
      retryAt.value = at
      if (now === 'online' || now === 'off') {
        clearTimeout(downTimer)
        downTimer = undefined
        down.value = false
      } else {
        downTimer ??= setTimeout(() => (down.value = true), unanswered ? 0 : quiet)
      }
      if (now === 'waiting' || now === 'ended') chats.dim()
    },
    hello() {
      void refresh()
      conversations.again()
      outbox.resume()
    },
    event(uri, e) {
      chats.take(uri, e)
      conversations.take(uri, e)
      if (e.event === 'message' && e.user.id === account.me?.id && e.client_id) outbox.arrived(e.client_id)
      for (const listener of listeners) listener(uri, e)
    },
    caughtUp() {},
    reset(uri) {
      void conversations.reset(uri)
    },
    gone(uri, reason) {
      if (reason === 'closed') {
        watchSession(uri, chats.byUri.get(uri)?.head ?? null)
        return
      }
      chats.forget(uri)
      conversations.forget(uri, 'gone')
    },
    presence: (p) => chats.takePresence(p),
    typing: (uri, user) => chats.takeTyping(uri, user),
    notice(kind, uri, seq) {
      if (kind === 'read' && uri && seq !== undefined) chats.takeRead(uri, seq)
      else if (kind === 'settings' && uri) void chats.loadDetails(uri)
      else if (kind === 'added' || kind === 'removed') void refresh()
    },
    tokenEnded() {
      if (account.signedIn) account.expired = true
    },
  })

  function watchSession(uri: string, after: number | null): void {
    if (!socket.watches(uri)) socket.watch(uri, after)
  }

  function watchAll(list: Summary[]): void {
    for (const s of list) watchSession(s.uri, s.head)
  }

  /** Reads the list, and watches what is new in it. */
  async function refresh(): Promise<void> {
    await chats.load()
    watchAll(chats.list)
  }

  async function more(): Promise<void> {
    watchAll(await chats.loadMore())
  }

  // One user at a time, from the moment that their name is known.
  watch(
    () => [account.token, account.me?.id] as const,
    ([token, id], was) => {
      const [, before] = was ?? []
      if (before !== undefined && before !== id) {
        socket.stop()
        chats.clear()
        conversations.clear()
        if (account.signedIn) outbox.stop()
        else outbox.clear()
        drafts.clear()
      }
      if (!token || id === undefined) {
        socket.stop()
        return
      }
      if (before !== id) {
        drafts.load()
        outbox.start()
        void refresh()
      }
      socket.start(token)
      outbox.resume()
    },
    { immediate: true },
  )

  window.addEventListener('online', () => {
    socket.nudge()
    outbox.resume()
  })
  window.addEventListener('offline', () => socket.probe())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') socket.probe()
  })

  const marking = new Map<string, ReturnType<typeof setTimeout>>()

  function tellRead(uri: string): void {
    clearTimeout(marking.get(uri))
    marking.delete(uri)
    const read = chats.byUri.get(uri)?.read
    if (read !== undefined) api.PUT('/api/chats/{uri}/read/', { params: { path: { uri } }, body: { seq: read }, keepalive: true }).catch(() => {})
  }
  window.addEventListener('pagehide', () => [...marking.keys()].forEach(tellRead))

  /** Says that the user has read a session so far. */
  function markRead(uri: string, seq: number): void {
    const s = chats.byUri.get(uri)
    if (!s || seq <= s.read) return
    chats.takeRead(uri, seq)
    if (!marking.has(uri)) marking.set(uri, setTimeout(() => tellRead(uri), 300))
  }

  return {
    state, retryAt, down,
    online: computed(() => state.value === 'online'),
    watchSession, refresh, more, markRead,
    nudge: () => socket.nudge(),
    typing: (uri: string) => socket.typing(uri),
    onEvent: (listener: (uri: string, e: LogEvent) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
})
