import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { capacity, Outbox, type Outcome, type Outgoing } from '../../src/delivery/outbox'

let answer: (o: Outcome) => void
let posts: Outgoing[]
let shown: readonly Outgoing[]

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
  posts = []
  shown = []
})
afterEach(() => vi.useRealTimers())

const prefix = 'chatire.1.outbox.'

function make(): Outbox {
  return new Outbox(
    prefix,
    localStorage,
    (m) => {
      posts.push(m)
      return new Promise((done) => (answer = done))
    },
    (all) => (shown = all),
    () => 0.5,
  )
}

async function settle(o: Outcome): Promise<void> {
  answer(o)
  await vi.advanceTimersByTimeAsync(0)
}

const message = (clientId: string, uri = 'u') => ({ clientId, uri, text: `text of ${clientId}`, replyTo: null, at: 1 })
const ids = (all: readonly Outgoing[]) => all.map((m) => m.clientId)

test('sends one after the other, in order', async () => {
  const box = make()
  box.resume()
  for (const id of ['b', 'a', 'c']) box.add(message(id))
  expect(ids(posts)).toEqual(['b'])
  await settle({ kind: 'posted' })
  await settle({ kind: 'posted' })
  await settle({ kind: 'posted' })
  expect(ids(posts)).toEqual(['b', 'a', 'c'])
  expect(shown).toEqual([])
  expect(localStorage.length).toBe(0)
})

test('sends to several chats at once', () => {
  const box = make()
  box.resume()
  box.add(message('a', 'u'))
  box.add(message('b', 'v'))
  expect(ids(posts)).toEqual(['a', 'b'])
})

test('tries the same again, later and later, and holds back what is behind', async () => {
  const box = make()
  box.resume()
  box.add(message('a'))
  box.add(message('b'))
  const waits: number[] = []
  for (let i = 0; i < 6; i++) {
    await settle({ kind: 'later' })
    const before = posts.length
    let waited = 0
    while (posts.length === before) {
      await vi.advanceTimersByTimeAsync(50)
      waited += 50
    }
    waits.push(waited)
  }
  expect(waits).toEqual([500, 750, 1_250, 2_250, 4_250, 4_250])
  expect(new Set(ids(posts))).toEqual(new Set(['a']))
  await settle({ kind: 'posted' })
  expect(posts.at(-1)!.clientId).toBe('b')
})

test('waits as long as it is told', async () => {
  const box = make()
  box.resume()
  box.add(message('a'))
  await settle({ kind: 'later', wait: 9_000 })
  await vi.advanceTimersByTimeAsync(8_999)
  expect(posts).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(posts).toHaveLength(2)
})

test('a refused one stays, and holds up none behind it', async () => {
  const box = make()
  box.resume()
  box.add(message('a'))
  box.add(message('b'))
  await settle({ kind: 'refused', reason: 'too long' })
  expect(ids(posts)).toEqual(['a', 'b'])
  await settle({ kind: 'posted' })
  expect(shown).toEqual([expect.objectContaining({ clientId: 'a', refused: 'too long' })])
  box.retry('a')
  expect(ids(posts)).toEqual(['a', 'b', 'a'])
  await settle({ kind: 'refused', reason: 'too long' })
  box.remove('a')
  expect(localStorage.length).toBe(0)
})

test('pauses when the token ends, and goes on with another', async () => {
  const box = make()
  box.resume()
  box.add(message('a'))
  await settle({ kind: 'signedOut' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(posts).toHaveLength(1)
  box.resume()
  expect(posts).toHaveLength(2)
})

test('takes a failing request for one that has to be sent again', async () => {
  const box = new Outbox(prefix, localStorage, () => Promise.reject(new TypeError('no network')), (all) => (shown = all), () => 0)
  box.resume()
  box.add(message('a'))
  await vi.advanceTimersByTimeAsync(10_000)
  expect(ids(shown)).toEqual(['a'])
})

describe('over a reload', () => {
  test('nothing is lost, and the order is kept', () => {
    const before = make()
    for (const id of ['z', 'y', 'x']) before.add(message(id))
    const after = make()
    expect(ids(after.messages)).toEqual(['z', 'y', 'x'])
    after.resume()
    expect(ids(posts)).toEqual(['z'])
  })

  test('what is nonsense is left out', () => {
    localStorage.setItem(`${prefix}q`, '{')
    localStorage.setItem('chatire.2.outbox.r', JSON.stringify(message('r')))
    expect(make().messages).toEqual([])
  })
})

describe('beside another tab', () => {
  test('neither overwrites what the other wrote', () => {
    const [one, two] = [make(), make()]
    one.add(message('a'))
    two.add(message('b'))
    one.add(message('c'))
    one.reload()
    expect(new Set(ids(one.messages))).toEqual(new Set(['a', 'b', 'c']))
    expect(new Set(ids(make().messages))).toEqual(new Set(['a', 'b', 'c']))
  })

  test('what was taken out there goes here too', () => {
    const [one, two] = [make(), make()]
    one.add(message('a'))
    two.reload()
    two.remove('a')
    one.reload()
    expect(one.messages).toEqual([])
  })
})

test('takes no more than it can keep', () => {
  const box = make()
  for (let i = 0; i < capacity; i++) expect(box.add(message(`m${i}`))).toBe(true)
  expect(box.add(message('one more'))).toBe(false)
})

test('works where nothing can be kept', async () => {
  const full = { ...localStorage, length: 0, key: () => null, getItem: () => null, removeItem: () => {}, setItem: () => { throw new DOMException('full', 'QuotaExceededError') } }
  const box = new Outbox(prefix, full, (m) => (posts.push(m), new Promise((done) => (answer = done))), (all) => (shown = all))
  box.resume()
  box.add(message('a'))
  box.reload()
  expect(ids(shown)).toEqual(['a'])
  await settle({ kind: 'posted' })
  expect(shown).toEqual([])
})
