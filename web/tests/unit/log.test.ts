import { describe, expect, test } from 'vitest'
import { Log } from '../../src/delivery/log'
import type { LogEvent } from '../../src/delivery/frames'

const user = { id: 1, username: 'ada', email: '', first_name: '', last_name: '' }
const event = (seq: number, more: Partial<LogEvent> = {}): LogEvent => ({ seq, id: seq, rev: seq, event: 'message', message: `text ${seq}`, user, created_date: '2026-03-01T12:00:00.000000Z', ...more })
const texts = (log: Log) => log.entries.map((e) => (e.kind === 'message' ? e.message.message : e.fact.event))

test('is all events of a range, without a gap', () => {
  const log = new Log(4)
  expect(log.append(event(5))).toBe(true)
  expect(log.append(event(7))).toBe(false)
  expect(log.append(event(6))).toBe(true)
  expect(log.append(event(5))).toBe(true)
  expect(texts(log)).toEqual(['text 5', 'text 6'])
  expect([log.low, log.high]).toEqual([5, 6])
})

test('grows at its beginning by what fits', () => {
  const log = new Log(4)
  log.append(event(5))
  log.prepend([event(1), event(2)])
  expect(log.low).toBe(5)
  log.prepend([event(3), event(4)])
  log.prepend([event(1), event(2), event(3)])
  expect(texts(log)).toEqual(['text 1', 'text 2', 'text 3', 'text 4', 'text 5'])
})

describe('changes', () => {
  test('apply to their message, the newest of them', () => {
    const log = new Log(0)
    log.append(event(1))
    log.append(event(2, { event: 'edited', target: 1, message: 'newer', rev: 2, edited: true }))
    log.append(event(3, { event: 'reacted', target: 1, message: 'newest', rev: 4, reactions: [{ emoji: '👍', count: 1, users: [1] }] }))
    log.append(event(4, { event: 'edited', target: 1, message: 'newest', rev: 4 }))
    expect(texts(log)).toEqual(['newest'])
    expect(log.message(1)).toMatchObject({ rev: 4, reactions: [{ emoji: '👍', count: 1 }] })
    expect(log.apply({ ...log.message(1)!, message: 'older', rev: 2 })).toBe(false)
  })

  test('keep who wrote it and when', () => {
    const log = new Log(0)
    log.append(event(1))
    log.append(event(2, { event: 'deleted', target: 1, message: '', rev: 2, user: { ...user, id: 2, username: 'bob' }, created_date: '2026-04-01T12:00:00.000000Z' }))
    expect(log.message(1)).toMatchObject({ deleted: true, message: '', user: { username: 'ada' }, created_date: '2026-03-01T12:00:00.000000Z' })
  })

  test('of what is not here are passed over, and of unknown kinds too', () => {
    const log = new Log(9)
    log.append(event(10, { event: 'edited', target: 2, message: 'x', rev: 10 }))
    log.append(event(11, { event: 'something new' }))
    log.append(event(12))
    expect(texts(log)).toEqual(['text 12'])
    expect(log.high).toBe(12)
  })
})

test('forgets the oldest when it becomes long, and can be read back', () => {
  const log = new Log(0)
  for (let seq = 1; seq <= 16; seq++) log.append(event(seq))
  expect(log.trim(10)).toBe(true)
  expect(texts(log)).toHaveLength(10)
  expect(log.low).toBe(7)
  expect(log.trim(10)).toBe(false)
  log.prepend([event(5), event(6)])
  expect(log.low).toBe(5)
})
