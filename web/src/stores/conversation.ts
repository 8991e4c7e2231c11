import { defineStore } from 'pinia'
import { markRaw, reactive, shallowReactive } from 'vue'
import { api, refused, refusalOf, unreachable, type Refusal } from '../api/client'
import { Log, type Entry } from '../delivery/log'
import type { LogEvent, Message } from '../delivery/frames'
import { useChats } from './chats'

/** How many events one request reads, and how many rows a page should bring. */
const pageEvents = 200
const enough = 25

/** The most conversations that are kept while others are looked at. */
const kept = 5

/** The most rows that are kept while only the end is looked at. */
const most = 2_000

/** What is shown of one conversation. */
export interface Conversation {
  uri: string
  log: Log
  entries: Entry[]
  /** Nothing is older than what is here. */
  complete: boolean
  /** The end of the log is here, and what happens is added. */
  live: boolean
  status: 'loading' | 'ready' | 'failed' | 'gone'
  reading: 'older' | 'newer' | null
  /** The read position as it was when the conversation was opened: where the divider is. */
  divider: number
  /** Only the end is looked at, so what is far above may go. */
  atEnd: boolean
}

/** The parts of logs that are shown. */
export const useConversations = defineStore('conversations', () => {
  const chats = useChats()
  const all = shallowReactive(new Map<string, Conversation>())
  const order: string[] = []
  const stale = new Set<Conversation>()

  /** Shows what has changed, once for all changes of a moment. */
  function show(c: Conversation): void {
    if (stale.size === 0) setTimeout(showAll, 16)
    stale.add(c)
  }

  function showAll(): void {
    for (const c of stale) {
      if (c.atEnd && c.log.trim(most)) c.complete = false
      c.entries = markRaw(c.log.entries)
    }
    stale.clear()
  }

  async function events(uri: string, after: number, limit: number) {
    const { data, response } = await api.GET('/api/chats/{uri}/events/', { params: { path: { uri }, query: { after, limit } } })
    if (!data) throw new Error(response.status === 404 ? 'gone' : 'refused')
    return data
  }

  /** Opens a conversation at its end, or around a message. One that was open is as it was. */
  async function open(uri: string, around = 0): Promise<void> {
    const known = all.get(uri)
    const at = order.indexOf(uri)
    if (at >= 0) order.splice(at, 1)
    order.push(uri)
    if (known && known.status !== 'failed' && known.status !== 'gone') {
      if (around && !known.log.message(around)) await load(known, around)
      return
    }
    const c: Conversation = reactive({
      uri, log: markRaw(new Log(0)), entries: markRaw([]), complete: false, live: false, status: 'loading', reading: null, divider: 0, atEnd: true,
    })
    all.set(uri, c)
    while (order.length > kept) all.delete(order.shift()!)
    await load(c, around)
  }

  /** Reads the end of the log, or what is around a seq. */
  async function load(c: Conversation, around = 0): Promise<void> {
    c.status = 'loading'
    try {
      const details = await chats.loadDetails(c.uri)
      if (details === null) throw new Error('gone')
      if (!('head' in details)) throw new Error('refused')
      c.divider = details.unread > 0 ? details.read : details.head
      const from = Math.max(0, (around ? around + pageEvents / 2 : details.head) - pageEvents)
      const page = await events(c.uri, from, pageEvents)
      const log = markRaw(new Log((page.events[0]?.seq ?? details.head + 1) - 1))
      for (const e of page.events) log.append(e)
      c.log = log
      c.complete = log.low <= page.oldest
      c.live = !page.has_more
      while (!c.complete && log.size < enough) if (!(await loadOlder(c))) break
      if (c.live) await follow(c)
      c.entries = markRaw(c.log.entries)
      c.status = 'ready'
    } catch (e) {
      c.status = e instanceof Error && e.message === 'gone' ? 'gone' : 'failed'
    }
  }

  /** Reads the page before what is here; false if that failed. */
  async function loadOlder(c: Conversation): Promise<boolean> {
    if (c.complete || c.reading) return false
    c.reading = 'older'
    const log = c.log
    try {
      let found = 0
      do {
        const after = Math.max(0, log.low - 1 - pageEvents)
        const page = await events(c.uri, after, log.low - 1 - after)
        if (c.log !== log) return false
        const before = log.size
        log.prepend(page.events)
        found += log.size - before
        c.complete = log.low <= page.oldest || page.events.length === 0
      } while (!c.complete && found < enough)
      show(c)
      return true
    } catch {
      return false
    } finally {
      c.reading = null
    }
  }

  /** Reads the page after what is here, where the end is not. */
  async function loadNewer(c: Conversation): Promise<void> {
    if (c.live || c.reading) return
    c.reading = 'newer'
    const log = c.log
    try {
      const page = await events(c.uri, log.high, pageEvents)
      if (c.log !== log) return
      for (const e of page.events) log.append(e)
      c.live = !page.has_more
      show(c)
    } catch {
      // the next scroll tries again
    } finally {
      c.reading = null
    }
    if (c.live) await follow(c).catch(() => (c.status = 'failed'))
  }

  /** Reads what came after the end of what is here. */
  async function follow(c: Conversation): Promise<void> {
    const head = () => chats.byUri.get(c.uri)?.head ?? 0
    while (c.log.high < head()) {
      const page = await events(c.uri, c.log.high, pageEvents)
      if (page.events.length === 0) break
      for (const e of page.events) c.log.append(e)
      show(c)
    }
  }

  /** Takes an event of a session. */
  function take(uri: string, e: LogEvent): void {
    const c = all.get(uri)
    if (!c) return
    if (!c.live) {
      if (c.log.change(e)) show(c)
      return
    }
    if (c.log.append(e)) show(c)
    else if (c.status === 'ready') follow(c).catch(() => (c.status = 'failed'))
  }

  /** Takes a message as the API answers it. */
  function learn(uri: string, m: Message): void {
    const c = all.get(uri)
    if (c?.log.apply(m)) show(c)
  }

  /** Drops what is of a log that is gone, and reads the new one. */
  async function reset(uri: string): Promise<void> {
    const c = all.get(uri)
    if (c) await load(c)
  }

  /** Reads again what could not be read: there is a connection now. */
  function again(): void {
    for (const c of all.values()) if (c.status === 'failed') void load(c)
  }

  /** Begins to show from the end again what shows an older part. */
  async function toEnd(c: Conversation): Promise<void> {
    if (!c.live) await load(c)
  }

  function forget(uri: string, status: 'gone' | null = null): void {
    const c = all.get(uri)
    if (c && status) c.status = status
    else all.delete(uri)
  }

  function clear(): void {
    all.clear()
    order.length = 0
  }

  const at = (uri: string, seq: number) => ({ params: { path: { uri, seq } } })

  /** Finds a message that another one answers, also one that is not shown. */
  async function find(uri: string, seq: number): Promise<Message | null> {
    const known = all.get(uri)?.log.message(seq)
    if (known) return known
    const { data } = await api.GET('/api/chats/{uri}/messages/{seq}/', at(uri, seq)).catch(() => ({ data: undefined }))
    return data ?? null
  }

  async function edit(uri: string, seq: number, message: string): Promise<Refusal | null> {
    try {
      const { data, error } = await api.PATCH('/api/chats/{uri}/messages/{seq}/', { ...at(uri, seq), body: { message } })
      if (!data) return refusalOf(error)
      learn(uri, data)
      return null
    } catch {
      return unreachable
    }
  }

  const remove = (uri: string, seq: number) => refused(api.DELETE('/api/chats/{uri}/messages/{seq}/', at(uri, seq)))

  function react(uri: string, seq: number, emoji: string, on: boolean): Promise<Refusal | null> {
    const path = { params: { path: { uri, seq, emoji } } }
    const address = '/api/chats/{uri}/messages/{seq}/reactions/{emoji}/'
    return refused(on ? api.PUT(address, path) : api.DELETE(address, path))
  }

  return { all, open, again, loadOlder, loadNewer, take, reset, toEnd, forget, clear, find, edit, remove, react }
})
