import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Socket, type SocketHandlers, type SocketState } from '../../src/delivery/socket'

/** A websocket whose other end is the test. */
class Fake {
  static all: Fake[] = []
  sent: Record<string, unknown>[] = []
  closed = false
  onopen: (() => void) | null = null
  onmessage: ((m: { data: string }) => void) | null = null
  onclose: ((e: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null

  constructor() {
    Fake.all.push(this)
  }
  static get last(): Fake {
    return Fake.all.at(-1)!
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>)
  }
  close(): void {
    this.closed = true
  }
  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  end(code: number, reason = ''): void {
    this.onclose?.({ code, reason })
  }
  hello(epoch = 'e1'): void {
    this.onopen?.()
    this.say({ type: 'hello', connection: 'c', epoch, heartbeat: 15, limits: { subscribe: 200 } })
  }
  event(seq: number, uri = 'u'): void {
    this.say({ type: 'event', uri, seq, event: 'message', id: seq, rev: seq, user: { id: 1 }, created_date: '' })
  }
  subscriptions(): unknown[] {
    return this.sent.filter((f) => f.type === 'subscribe')
  }
}

let states: SocketState[]
let events: number[]
let gone: string[]
let on: { [K in keyof SocketHandlers]: ReturnType<typeof vi.fn> }
let random: number

function make(): Socket {
  on = {
    state: vi.fn((s: SocketState) => states.push(s)), hello: vi.fn(), event: vi.fn((_: string, e: { seq: number }) => events.push(e.seq)), caughtUp: vi.fn(), reset: vi.fn(),
    gone: vi.fn((_: string, why: string) => gone.push(why)), presence: vi.fn(), typing: vi.fn(), notice: vi.fn(), tokenEnded: vi.fn(),
  }
  const s = new Socket('ws://test/ws/', on as unknown as SocketHandlers, () => new Fake() as unknown as WebSocket, () => random)
  s.start('secret')
  return s
}

beforeEach(() => {
  vi.useFakeTimers()
  Fake.all = []
  states = []
  events = []
  gone = []
  random = 0.5
})
afterEach(() => vi.useRealTimers())

test('signs in with the first frame, and subscribes from where sessions stand', () => {
  const s = make()
  s.watch('u', 4)
  s.watch('v', null)
  Fake.last.hello()
  expect(Fake.last.sent).toEqual([
    { type: 'auth', token: 'secret' },
    { type: 'subscribe', sessions: [{ uri: 'u', after: 4 }, { uri: 'v' }], epoch: 'e1' },
  ])
  expect(states).toEqual(['connecting', 'online'])
})

test('subscribes in portions that the server takes', () => {
  const s = make()
  for (let i = 0; i < 450; i++) s.watch(`u${i}`, 1)
  Fake.last.hello()
  expect(Fake.last.subscriptions().map((f) => (f as { sessions: unknown[] }).sessions.length)).toEqual([200, 200, 50])
})

describe('events', () => {
  test('come once and in order', () => {
    const s = make()
    s.watch('u', 0)
    Fake.last.hello()
    for (const seq of [1, 2, 2, 1, 3]) Fake.last.event(seq)
    expect(events).toEqual([1, 2, 3])
  })

  test('a hole is asked for again, once', () => {
    const s = make()
    s.watch('u', 0)
    Fake.last.hello()
    Fake.last.say({ type: 'subscribed', uri: 'u', head: 5, from: 'log', epoch: 'e1' })
    Fake.last.event(1)
    Fake.last.event(4)
    Fake.last.event(5)
    expect(events).toEqual([1])
    expect(Fake.last.subscriptions().slice(1)).toEqual([{ type: 'subscribe', sessions: [{ uri: 'u', after: 1 }], epoch: 'e1' }])
    for (const seq of [2, 3, 4, 5]) Fake.last.event(seq)
    expect(events).toEqual([1, 2, 3, 4, 5])
  })

  test('go on where they ended after a break', () => {
    const s = make()
    s.watch('u', 0)
    Fake.last.hello()
    for (const seq of [1, 2]) Fake.last.event(seq)
    Fake.last.end(1006)
    vi.advanceTimersByTime(500)
    Fake.last.hello()
    expect(Fake.last.subscriptions()).toEqual([{ type: 'subscribe', sessions: [{ uri: 'u', after: 2 }], epoch: 'e1' }])
  })

  test('of another log replace what is known', () => {
    const s = make()
    s.watch('u', 7)
    Fake.last.hello('e2')
    Fake.last.say({ type: 'reset', uri: 'u', oldest: 1, epoch: 'e2' })
    expect(on.reset).toHaveBeenCalledWith('u')
    expect(Fake.last.subscriptions().at(-1)).toEqual({ type: 'subscribe', sessions: [{ uri: 'u', after: 0 }], epoch: 'e2' })
  })

  test('end with the subscription', () => {
    const s = make()
    s.watch('u', 0)
    s.watch('v', 0)
    Fake.last.hello()
    Fake.last.say({ type: 'unsubscribed', uri: 'u', reason: 'removed' })
    Fake.last.say({ type: 'error', code: 'not_found', uri: 'v', detail: '' })
    expect(gone).toEqual(['removed', 'not_found'])
    expect(s.watches('u') || s.watches('v')).toBe(false)
  })
})

describe('a close', () => {
  const waits: [string, number, string, number][] = [
    ['backs off', 1006, '', 500], ['backs off', 1011, '', 500], ['backs off', 4408, '', 500], ['backs off', 4410, '', 500],
    ['spreads over two seconds', 1012, '', 1_000],
    ['waits as long as it is told', 1013, '3210', 3_210], ['waits as long as it is told', 4429, '60000', 60_000], ['backs off when told nonsense', 4429, 'soon', 500],
    ['waits ten seconds when it was our fault', 1003, '', 11_000], ['waits ten seconds when it was our fault', 1007, '', 11_000],
    ['waits ten seconds when it was our fault', 1009, '', 11_000], ['waits ten seconds when it was our fault', 4400, '', 11_000],
  ]
  test.each(waits)('%s: %i %s', (_, code, reason, wait) => {
    make()
    Fake.last.hello()
    Fake.last.end(code, reason)
    vi.advanceTimersByTime(wait - 1)
    expect(Fake.all).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(Fake.all).toHaveLength(2)
  })

  test('4401 ends it for good, until there is another token', () => {
    const s = make()
    Fake.last.hello()
    Fake.last.end(4401)
    vi.advanceTimersByTime(3_600_000)
    s.nudge()
    expect(Fake.all).toHaveLength(1)
    expect(on.tokenEnded).toHaveBeenCalledOnce()
    s.start('another')
    expect(Fake.all).toHaveLength(2)
    Fake.last.hello()
    expect(Fake.last.sent[0]).toEqual({ type: 'auth', token: 'another' })
  })

  test('comes back when a drain said so, without further delay', () => {
    make()
    Fake.last.hello()
    Fake.last.say({ type: 'drain', reconnect_in_ms: 7_000 })
    vi.advanceTimersByTime(2_000)
    Fake.last.end(1012)
    vi.advanceTimersByTime(4_999)
    expect(Fake.all).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(Fake.all).toHaveLength(2)
  })

  test('tries are never nearer than 100 ms', () => {
    random = 0
    make()
    Fake.last.end(1006)
    vi.advanceTimersByTime(99)
    expect(Fake.all).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(Fake.all).toHaveLength(2)
  })

  test('backs off further while connections do not last five seconds', () => {
    make()
    for (const wait of [500, 1_000, 2_000, 4_000, 4_000]) {
      Fake.last.hello()
      vi.advanceTimersByTime(4_900)
      const n = Fake.all.length
      Fake.last.end(1006)
      vi.advanceTimersByTime(wait - 1)
      expect(Fake.all).toHaveLength(n)
      vi.advanceTimersByTime(1)
      expect(Fake.all).toHaveLength(n + 1)
    }
    Fake.last.hello()
    vi.advanceTimersByTime(5_000)
    const n = Fake.all.length
    Fake.last.end(1006)
    vi.advanceTimersByTime(500)
    expect(Fake.all).toHaveLength(n + 1)
  })

  test('a nudge tries at once, but not against what the server said', () => {
    const s = make()
    Fake.last.end(1006)
    s.nudge()
    expect(Fake.all).toHaveLength(2)
    Fake.last.end(4429, '30000')
    s.nudge()
    expect(Fake.all).toHaveLength(2)
  })
})

describe('silence', () => {
  test('is asked about after a heartbeat, and ends the connection', () => {
    make()
    const first = Fake.last
    first.hello()
    vi.advanceTimersByTime(15_000)
    expect(first.sent.at(-1)).toEqual({ type: 'ping' })
    vi.advanceTimersByTime(3_999)
    expect(first.closed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(first.closed).toBe(true)
    expect(on.state).toHaveBeenLastCalledWith('waiting', expect.any(Number), true)
  })

  test('any frame ends', () => {
    make()
    Fake.last.hello()
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(15_000)
      Fake.last.say({ type: 'pong' })
    }
    expect(Fake.all).toHaveLength(1)
    expect(states.at(-1)).toBe('online')
  })

  test('from the beginning ends it too', () => {
    make()
    vi.advanceTimersByTime(10_000)
    expect(Fake.all[0]!.closed).toBe(true)
  })

  test('what is no frame, or unknown, is ignored', () => {
    make()
    Fake.last.hello()
    for (const text of ['', 'x', '[]', '5', 'null', '{"type":"new"}', '{}']) Fake.last.onmessage?.({ data: text })
    expect(states.at(-1)).toBe('online')
  })
})
