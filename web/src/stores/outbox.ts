import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import { api, refusalOf } from '../api/client'
import { Outbox, type Outcome, type Outgoing } from '../delivery/outbox'
import { useAccount } from './account'

/** Answers that say "not now": the same is sent again. */
const passing = [401, 408, 425, 429]

/** Whoever holds this lock sends; other tabs of the user wait for it. */
const lockName = (id: number) => `chatire.${id}.outbox`

/** Messages on their way to the server, for all chats of the user. */
export const useOutbox = defineStore('outbox', () => {
  const account = useAccount()
  const messages = shallowRef<readonly Outgoing[]>([])
  const stored = shallowRef<readonly Outgoing[]>([]) // the server has them, the log here does not yet
  let box: Outbox | null = null
  let release: (() => void) | null = null
  let prefix = ''
  const seen = new Set<string>() // whose events came before the answer

  async function post(m: Outgoing): Promise<Outcome> {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), 15_000)
    try {
      const { data, error, response } = await api.POST('/api/chats/{uri}/messages/', {
        params: { path: { uri: m.uri } },
        body: { message: m.text, client_id: m.clientId, ...(m.replyTo !== null && { reply_to: m.replyTo }) },
        signal: stop.signal,
      })
      if (data) {
        if (!seen.delete(m.clientId)) stored.value = [...stored.value, { ...m, stored: true }]
        return { kind: 'posted' }
      }
      if (response.status === 401) return { kind: 'signedOut' }
      if (passing.includes(response.status) || response.status >= 500) {
        const wait = Number(response.headers.get('Retry-After')) * 1000
        return { kind: 'later', ...(wait > 0 && { wait }) }
      }
      const refusal = refusalOf(error)
      return { kind: 'refused', reason: refusal.sentence || Object.values(refusal.fields)[0] || String(response.status) }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Begins to send what this user left to be sent. */
  function start(): void {
    stop()
    const id = account.me?.id
    if (id === undefined) return
    prefix = `chatire.${id}.outbox.`
    const mine = new Outbox(prefix, localStorage, post, (all) => (messages.value = all))
    box = mine
    messages.value = mine.messages
    if (!('locks' in navigator)) {
      mine.resume()
      return
    }
    const stopped = new AbortController()
    let done = () => {}
    release = () => {
      stopped.abort()
      done()
    }
    navigator.locks
      .request(lockName(id), { signal: stopped.signal }, () => {
        mine.reload()
        mine.resume()
        return new Promise<void>((resolve) => (done = resolve))
      })
      .catch(() => {}) // another user came before it was our turn
  }

  function stop(): void {
    release?.()
    release = null
    box?.pause()
    box = null
    messages.value = []
    stored.value = []
    seen.clear()
  }

  /** Takes note that the log has a message. */
  function arrived(clientId: string): void {
    if (messages.value.some((m) => m.clientId === clientId)) seen.add(clientId)
    stored.value = stored.value.filter((m) => m.clientId !== clientId)
    box?.remove(clientId)
  }

  /** Forgets what the user left to be sent. */
  function clear(): void {
    box?.clear()
    stop()
  }

  window.addEventListener('storage', (e) => {
    if (box && (e.key === null || e.key.startsWith(prefix))) box.reload()
  })

  /** Puts a message on its way; false if too many wait. */
  function send(uri: string, text: string, replyTo: number | null): boolean {
    return box?.add({ clientId: newId(), uri, text, replyTo, at: Date.now() }) ?? false
  }

  return {
    messages,
    failed: computed(() => messages.value.filter((m) => m.refused)),
    /** All that is under way in a chat, also what only its event is awaited of. */
    of: (uri: string) => [...stored.value, ...messages.value.filter((m) => !stored.value.some((s) => s.clientId === m.clientId))].filter((m) => m.uri === uri),
    start, stop, clear, send, arrived,
    resume: () => box?.resume(),
    retry: (clientId: string) => box?.retry(clientId),
    remove: (clientId: string) => box?.remove(clientId),
  }
})

/** A client id: 128 random bits. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
