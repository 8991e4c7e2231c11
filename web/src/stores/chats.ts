import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { api, refusalOf, refused, unreachable, type Refusal } from '../api/client'
import { messageOf } from '../delivery/log'
import type { LogEvent, Message, Presence, Schemas } from '../delivery/frames'
import { useAccount } from './account'

export type Summary = Schemas['Summary']
export type Details = Schemas['Details']
export type Notify = Schemas['Notify']

/** How long typing is shown after the last word of it. */
const typingShown = 6_000

/** The list of chats, what is known of each, and who is there. */
export const useChats = defineStore('chats', () => {
  const account = useAccount()
  const byUri = reactive(new Map<string, Summary>())
  const details = reactive(new Map<string, Details>())
  const online = reactive(new Map<string, Set<number>>())
  const onlineCount = reactive(new Map<string, number>())
  const typing = reactive(new Map<string, Map<number, string>>())
  const activity = reactive(new Map<string, string>()) // the date of what came last
  const loaded = ref(false)
  const failed = ref(false)
  const cursor = ref<string | null>(null)
  const timers = new Map<string, ReturnType<typeof setTimeout>>()

  const latest = (s: Summary) => activity.get(s.uri) ?? s.last_message?.created_date ?? ''
  const list = computed(() => [...byUri.values()].sort((a, b) => latest(b).localeCompare(latest(a)) || b.id - a.id))
  const unread = computed(() => list.value.reduce((n, s) => n + s.unread, 0))

  /** Reads the first page of the list, and returns what was not known. */
  async function load(): Promise<Summary[]> {
    try {
      const { data } = await api.GET('/api/chats/', { params: { query: { limit: 100 } } })
      if (!data) throw new Error('refused')
      if (!data.has_more) {
        const there = new Set(data.sessions.map((s) => s.uri))
        for (const uri of byUri.keys()) if (!there.has(uri)) forget(uri)
      }
      const fresh = data.sessions.filter((s) => !byUri.has(s.uri))
      for (const s of data.sessions) know(s)
      cursor.value = data.cursor ?? null
      loaded.value = true
      failed.value = false
      return fresh
    } catch {
      failed.value = !loaded.value
      return []
    }
  }

  /** Reads the next page, and returns what was not known. */
  async function loadMore(): Promise<Summary[]> {
    if (!cursor.value) return []
    try {
      const { data } = await api.GET('/api/chats/', { params: { query: { limit: 100, cursor: cursor.value } } })
      if (!data) return []
      cursor.value = data.cursor ?? null
      const fresh = data.sessions.filter((s) => !byUri.has(s.uri))
      for (const s of fresh) know(s)
      return fresh
    } catch {
      return []
    }
  }

  /** Reads a session with its members. null is that there is none for us. */
  async function loadDetails(uri: string): Promise<Details | null | Refusal> {
    try {
      for (let tries = 1; ; tries++) {
        const { data, error, response } = await api.GET('/api/chats/{uri}/', { params: { path: { uri } } })
        if (!data) return response.status === 404 ? null : refusalOf(error)
        if (data.head < (byUri.get(uri)?.head ?? 0) && tries < 3) continue // it was overtaken by events
        learn(data)
        return data
      }
    } catch {
      return unreachable
    }
  }

  /**
   * Takes a line of the list. Events may have come while it was on its way: they are not
   * told again, so what they changed must not be undone.
   */
  function know(s: Summary): void {
    const known = byUri.get(s.uri)
    if (known && known.head > s.head) return
    byUri.set(s.uri, s)
    if (known) takeRead(s.uri, known.read)
  }

  /** Takes what the API says of a session. */
  function learn(d: Details): void {
    details.set(d.uri, d)
    const s = byUri.get(d.uri)
    know({
      id: d.id,
      uri: d.uri,
      title: d.title,
      role: d.role,
      head: d.head,
      unread: d.unread,
      mentions: d.mentions,
      read: d.read,
      notify: d.notify,
      last_message: s?.last_message ?? null,
      people: d.members.map((m) => m.user).filter((u) => u.id !== account.me?.id).slice(0, 3),
    })
    if (!s) activity.set(d.uri, d.created_date)
  }

  /** Opens a session; a retry with the same client id opens none. */
  async function open(clientId: string): Promise<string | Refusal> {
    try {
      const { data, error } = await api.POST('/api/chats/', { body: { client_id: clientId } })
      if (!data) return refusalOf(error)
      await loadDetails(data.uri)
      return data.uri
    } catch {
      return unreachable
    }
  }

  function forget(uri: string): void {
    byUri.delete(uri)
    details.delete(uri)
    online.delete(uri)
    onlineCount.delete(uri)
    typing.delete(uri)
  }

  function clear(): void {
    for (const uri of [...byUri.keys()]) forget(uri)
    loaded.value = false
    failed.value = false
    cursor.value = null
    activity.clear()
  }

  /** Takes an event of a session that is in the list. */
  function take(uri: string, e: LogEvent): void {
    const s = byUri.get(uri)
    if (!s || e.seq <= s.head) return
    s.head = e.seq
    const m = messageOf(e)
    if (m) takeMessage(s, e, m)
    else takeFact(uri, s, e)
  }

  function takeMessage(s: Summary, e: LogEvent, m: Message): void {
    if (e.event !== 'message') {
      if (s.last_message?.seq === m.seq && m.rev > s.last_message.rev) s.last_message = { ...s.last_message, ...changed(m) }
      return
    }
    s.last_message = m
    activity.set(s.uri, e.created_date)
    typing.get(s.uri)?.delete(e.user.id)
    const mine = account.me?.id
    if (e.user.id === mine) {
      s.read = e.seq
      s.unread = s.mentions = 0
      return
    }
    const mentioned = mine !== undefined && m.mentions.includes(mine)
    if (mentioned && s.notify !== 'none') s.mentions++
    if (s.notify === 'all' || (s.notify === 'mentions' && mentioned)) s.unread++
  }

  function takeFact(uri: string, s: Summary, e: LogEvent): void {
    const d = details.get(uri)
    switch (e.event) {
      case 'title':
        s.title = e.title ?? ''
        if (d) d.title = s.title
        break
      case 'access':
        if (d && e.access) d.access = e.access
        break
      case 'closed':
        if (d) d.closed = true
        break
      case 'joined':
        if (d && e.member && !d.members.some((m) => m.user.id === e.member!.id)) {
          d.members.push({ user: e.member, role: e.role ?? 'member' })
          d.member_count++
        }
        break
      case 'left':
      case 'removed':
        if (d && d.members.some((m) => m.user.id === e.member?.id)) {
          d.members = d.members.filter((m) => m.user.id !== e.member?.id)
          d.member_count--
        }
        break
      case 'role': {
        const member = d?.members.find((m) => m.user.id === e.member?.id)
        if (member && e.role) member.role = e.role
        if (e.member?.id === account.me?.id && e.role) {
          s.role = e.role
          if (d) d.role = e.role
        }
        break
      }
    }
  }

  function takePresence(p: Presence): void {
    if (p.count !== undefined) {
      onlineCount.set(p.uri, p.count)
      online.delete(p.uri)
      return
    }
    const now = p.online ? new Set(p.online) : new Set(online.get(p.uri))
    for (const id of p.joined ?? []) now.add(id)
    for (const id of p.left ?? []) now.delete(id)
    online.set(p.uri, now)
    onlineCount.set(p.uri, now.size)
  }

  function takeTyping(uri: string, user: { id: number; username: string }): void {
    if (user.id === account.me?.id) return
    if (!typing.has(uri)) typing.set(uri, new Map())
    typing.get(uri)!.set(user.id, user.username)
    const key = `${uri}/${user.id}`
    clearTimeout(timers.get(key))
    timers.set(
      key,
      setTimeout(() => {
        typing.get(uri)?.delete(user.id)
        timers.delete(key)
      }, typingShown),
    )
  }

  /** Nobody is known to be there while there is no connection. */
  function dim(): void {
    online.clear()
    onlineCount.clear()
    typing.clear()
  }

  /** Takes a read position, from here or from another device. */
  function takeRead(uri: string, seq: number): void {
    const s = byUri.get(uri)
    if (!s || seq <= s.read) return
    s.read = seq
    if (seq >= (s.last_message?.seq ?? 0)) s.unread = s.mentions = 0
  }

  /** Chooses what one wants to hear of. */
  async function setNotify(uri: string, notify: Notify): Promise<void> {
    const refusal = await refused(api.PUT('/api/chats/{uri}/notify/', { params: { path: { uri } }, body: { notify } }))
    const s = byUri.get(uri)
    if (refusal || !s) return
    s.notify = notify
    const d = details.get(uri)
    if (d) d.notify = notify
    await loadDetails(uri) // its counts are others now
  }

  return {
    byUri, details, online, onlineCount, typing, loaded, failed, cursor, list, unread, activity,
    load, loadMore, loadDetails, learn, open, forget, clear, take, takePresence, takeTyping, takeRead, dim, setNotify,
  }
})

/** What a newer form of a message brings. */
export function changed(m: Message) {
  return { rev: m.rev, message: m.message, mentions: m.mentions, reactions: m.reactions, edited: m.edited, deleted: m.deleted }
}
