import type { Fact, Entry } from '../delivery/log'
import type { Message } from '../delivery/frames'
import type { Outgoing } from '../delivery/outbox'

/** How long the messages of one author stay together. */
const together = 5 * 60_000

/** One line of the list. Its key stays when a message that was under way is stored. */
export type Row = { key: string; at: number } & (
  | { kind: 'day' }
  | { kind: 'divider'; count: number }
  | { kind: 'fact'; fact: Fact }
  | ({ kind: 'message'; message: Message; mine: boolean } & Place)
  | ({ kind: 'outgoing'; outgoing: Outgoing; mine: true } & Place)
)

/** Where a message stands among those of its author. */
export interface Place {
  first: boolean
  last: boolean
}

export type MessageRow = Extract<Row, { kind: 'message' }>
export type OutgoingRow = Extract<Row, { kind: 'outgoing' }>

/** The local day of a time, as a number that grows. */
export function dayOf(at: number): number {
  const d = new Date(at)
  return d.getFullYear() * 10_000 + d.getMonth() * 100 + d.getDate()
}

/**
 * Returns what the list shows: days, the divider before the first message of somebody
 * else that is newer than `divider`, facts, messages, and what waits to be sent. A
 * message that was stored is not shown as waiting too.
 */
export function rowsOf(entries: Entry[], outgoing: readonly Outgoing[], me: number, divider: number): Row[] {
  const rows: Row[] = []
  const stored = new Set<string>()
  let day = 0
  let divided = false
  let group: (Row & { kind: 'message' | 'outgoing' }) | null = null

  const begin = (at: number) => {
    if (dayOf(at) === day) return
    day = dayOf(at)
    rows.push({ kind: 'day', key: `d${day}`, at })
    group = null
  }
  const join = (row: Row & { kind: 'message' | 'outgoing' }, author: number) => {
    const before = group
    const apart = refused(row) || (before !== null && refused(before))
    if (before && !apart && authorOf(before, me) === author && row.at - before.at < together) before.last = false
    else row.first = true
    row.last = true
    rows.push(row)
    group = row
  }

  for (const entry of entries) {
    if (entry.kind === 'fact') {
      const at = Date.parse(entry.fact.created_date)
      begin(at)
      rows.push({ kind: 'fact', key: `f${entry.seq}`, at, fact: entry.fact })
      group = null
      continue
    }
    const m = entry.message
    const at = Date.parse(m.created_date)
    const mine = m.user.id === me
    begin(at)
    if (!divided && !mine && divider > 0 && m.seq > divider) {
      divided = true
      rows.push({ kind: 'divider', key: 'new', at, count: newSince(entries, divider, me) })
      group = null
    }
    if (mine && m.client_id) stored.add(m.client_id)
    join({ kind: 'message', key: keyOf(m, mine), at, message: m, mine, first: false, last: true }, m.user.id)
  }
  for (const o of outgoing) {
    if (stored.has(o.clientId)) continue
    begin(o.at)
    join({ kind: 'outgoing', key: `c${o.clientId}`, at: o.at, outgoing: o, mine: true, first: false, last: true }, me)
  }
  return rows
}

function authorOf(row: Row & { kind: 'message' | 'outgoing' }, me: number): number {
  return row.kind === 'message' ? row.message.user.id : me
}

/** One that was refused stands alone: it has more to say. */
function refused(row: Row): boolean {
  return row.kind === 'outgoing' && row.outgoing.refused !== ''
}

function keyOf(m: Message, mine: boolean): string {
  return mine && m.client_id ? `c${m.client_id}` : `m${m.seq}`
}

function newSince(entries: Entry[], divider: number, me: number): number {
  return entries.filter((e) => e.kind === 'message' && e.seq > divider && e.message.user.id !== me && !e.message.deleted).length
}
