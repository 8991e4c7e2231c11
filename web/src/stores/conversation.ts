import { defineStore } from 'pinia'
import { reactive, shallowReactive } from 'vue'
import { api } from '../api/client'
import { Log, type Entry } from '../delivery/log'
import type { LogEvent, Message } from '../delivery/frames'
import { useChats } from './chats'

/** How many events one request reads, and how many messages a page should bring. */
const pageEvents = 100
const enough = 25

/** The most conversations that are kept while others are looked at. */
const kept = 5

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
  older: boolean // older ones are being read
  /** Grows with each change, so that lists know of it. */
  version: number
  /** The read position as it was when the conversation was opened: where the divider is. */
  divider: number
}

/** The parts of logs that are shown. */
export const useConversations = defineStore('conversations', () => {
  const chats = useChats()
  const all = shallowReactive(new Map<string, Conversation>())
  const order: string[] = []

  function show(c: Conversation): void {
    c.entries = c.log.entries
    c.version++
  }

  async function events(uri: string, after: number, limit: number) {
    const { data, response } = await api.GET('/api/chats/{uri}/events/', { params: { path: { uri }, query: { after, limit } } })
    if (!data) throw new Error(response.status === 404 ? 'gone' : 'refused')
    return data
  }

  /** Opens a conversation at its end. One that was open is as it was. */
  async function open(uri: string): Promise<Conversation> {
    const known = all.get(uri)
    order.splice(order.indexOf(uri) >>> 0, 1)
    order.push(uri)
    if (known && (known.status === 'ready' || known.status === 'loading')) return known
    const c: Conversation = reactive({
      uri, log: new Log(0), entries: [], complete: false, live: false, status: 'loading', older: false, version: 0, divider: 0,
    }) as Conversation
    all.set(uri, c)
    while (order.length > kept) all.delete(order.shift()!)
    await load(c)
    return c
  }

  /** Reads the end of the log. */
  async function load(c: Conversation): Promise<void> {
    c.status = 'loading'
    try {
      const details = await chats.loadDetails(c.uri)
      if (details === null) throw new Error('gone')
      if (!('head' in details)) throw new Error('refused')
      c.divider = details.unread > 0 ? details.read : details.head
      const page = await events(c.uri, Math.max(0, details.head - pageEvents), pageEvents)
      const log = new Log((page.events[0]?.seq ?? details.head + 1) - 1)
      for (const e of page.events) log.append(e)
      c.log = log
      c.complete = log.low <= page.oldest
      c.live = true
      show(c)
      while (!c.complete && c.entries.length < enough) if (!(await loadOlder(c))) break
      c.status = 'ready'
      await follow(c)
    } catch (e) {
      c.status = e instanceof Error && e.message === 'gone' ? 'gone' : 'failed'
    }
  }

  /** Reads the page before what is here; false if that failed. */
  async function loadOlder(c: Conversation): Promise<boolean> {
    if (c.complete || c.older) return false
    c.older = true
    try {
      let found = 0
      do {
        const after = Math.max(0, c.log.low - 1 - pageEvents)
        const page = await events(c.uri, after, c.log.low - 1 - after)
        const before = c.log.size
        c.log.prepend(page.events)
        found += c.log.size - before
        c.complete = c.log.low <= page.oldest || page.events.length === 0
      } while (!c.complete && found < enough)
      show(c)
      return true
    } catch {
      return false
    } finally {
      c.older = false
    }
  }

  /** Reads what came after the end of what is here. */
  async function follow(c: Conversation): Promise<void> {
    const head = () => chats.byUri.get(c.uri)?.head ?? 0
    while (c.log.high < head()) {
      const page = await events(c.uri, c.log.high, 200)
      if (page.events.length === 0) break
      for (const e of page.events) c.log.append(e)
      show(c)
    }
  }

  /** Takes an event of a session. */
  function take(uri: string, e: LogEvent): void {
    const c = all.get(uri)
    if (!c || !c.live) return
    if (c.log.append(e)) show(c)
    else if (c.status === 'ready') follow(c).catch(() => (c.status = 'failed'))
  }

  /** Takes a message as the API answers it, newer than what is known. */
  function learn(uri: string, m: Message): void {
    const c = all.get(uri)
    if (c?.log.apply(m)) show(c)
  }

  /** Drops what is of a log that is gone, and reads the new one. */
  async function reset(uri: string): Promise<void> {
    const c = all.get(uri)
    if (c) await load(c)
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

  return { all, open, load, loadOlder, take, learn, reset, forget, clear }
})
