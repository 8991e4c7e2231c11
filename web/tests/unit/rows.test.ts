import { expect, test } from 'vitest'
import { rowsOf } from '../../src/conversation/rows'
import type { Entry } from '../../src/delivery/log'
import type { Outgoing } from '../../src/delivery/outbox'

const start = new Date(2026, 2, 1, 12).getTime()
const minute = 60_000
const said = (seq: number, by: number, after: number, more: object = {}): Entry => ({
  kind: 'message', seq,
  message: { id: seq, seq, rev: seq, message: `text ${seq}`, client_id: `c${seq}`, reply_to: null, mentions: [], reactions: [], edited: false, deleted: false, created_date: new Date(start + after).toISOString(), user: { id: by, username: `u${by}`, email: '', first_name: '', last_name: '' }, ...more },
})
const out = (clientId: string, after: number, refused = ''): Outgoing => ({ clientId, uri: 'u', text: clientId, replyTo: null, at: start + after, refused })
const shape = (...args: Parameters<typeof rowsOf>) => rowsOf(...args).map((r) => r.kind + ('first' in r ? `${r.first ? ' first' : ''}${r.last ? ' last' : ''}` : ''))

test('groups an author’s messages for five minutes', () => {
  expect(shape([said(1, 2, 0), said(2, 2, 4 * minute), said(3, 2, 9 * minute), said(4, 1, 9 * minute)], [], 1, 0)).toEqual([
    'day', 'message first', 'message last', 'message first last', 'message first last',
  ])
})

test('begins a day with its date, and a group', () => {
  const night = 11.99 * 60 * minute
  expect(shape([said(1, 2, night), said(2, 2, night + minute)], [], 1, 0)).toEqual(['day', 'message first last', 'day', 'message first last'])
})

test('divides before the first new message of somebody else', () => {
  const rows = rowsOf([said(1, 2, 0), said(2, 1, 1), said(3, 2, 2), said(4, 2, 3)], [], 1, 1)
  expect(rows.map((r) => r.kind)).toEqual(['day', 'message', 'message', 'divider', 'message', 'message'])
  expect(rows[3]).toMatchObject({ count: 2 })
  expect(rowsOf([said(1, 2, 0)], [], 1, 1).map((r) => r.kind)).toEqual(['day', 'message'])
})

test('shows what is under way at the end, until it is stored', () => {
  const entries = [said(1, 1, 0)]
  expect(rowsOf(entries, [out('c1', 0), out('x', 1)], 1, 0).map((r) => r.key)).toEqual([expect.stringMatching(/^d/), 'cc1', 'cx'])
})

test('keeps the key of a message when it is stored', () => {
  const [, before] = rowsOf([], [out('c7', 0)], 1, 0)
  const [, after] = rowsOf([said(7, 1, 0)], [], 1, 0)
  expect(after!.key).toBe(before!.key)
  expect(rowsOf([said(7, 2, 0)], [], 1, 0)[1]!.key).toBe('m7') // another's may have the same
})

test('leaves one that was refused apart', () => {
  expect(shape([said(1, 1, 0)], [out('a', 1, 'too long'), out('b', 2)], 1, 0)).toEqual(['day', 'message first last', 'outgoing first last', 'outgoing first last'])
})
