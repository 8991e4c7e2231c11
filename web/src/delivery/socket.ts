import { Backoff, stable } from './backoff'
import { parseFrame, type Limits, type LogEvent, type NoticeKind, type Presence, type ServerFrame } from './frames'

/** What the socket does now. `ended` is over until there is another token. */
export type SocketState = 'off' | 'connecting' | 'online' | 'waiting' | 'ended'

export interface SocketHandlers {
  /**
   * `retryAt` is when the next try begins, in ms since the epoch, while waiting.
   * `unanswered` says that the connection before was given up for its silence.
   */
  state(state: SocketState, retryAt: number, unanswered: boolean): void
  /** A new connection is signed in. */
  hello(limits: Limits): void
  /** The next event of a session: none is left out, none comes twice. */
  event(uri: string, event: LogEvent): void
  /** All events that there were are there. */
  caughtUp(uri: string, seq: number): void
  /** What was known of a session is of another log. */
  reset(uri: string): void
  /** Nothing more comes of a session. */
  gone(uri: string, reason: string): void
  presence(p: Presence): void
  typing(uri: string, user: { id: number; username: string }): void
  notice(kind: NoticeKind, uri?: string, seq?: number): void
  /** The token was refused. */
  tokenEnded(): void
}

/** Close codes; see docs/PROTOCOL.md. */
const tokenRefused = 4401
const restarting = 1012
const full = 1013
const tooMany = 4429
const ourFault = [1003, 1007, 1009, 4400]

const ourFaultPause = 10_000
const spread = 2_000

/** The least that is between two tries. */
const breath = 100

/** How much later than the heartbeat an answer may come. */
const patience = 4_000

/** How long a handshake and the greeting may take. */
const helloPatience = 10_000

type Opener = (url: string) => WebSocket

/**
 * Socket keeps one connection to a worker and the positions of all watched sessions.
 * After any break it subscribes again from where each session stands, so that events
 * come exactly once and in order; a hole is repaired in the same way.
 */
export class Socket {
  private ws: WebSocket | null = null
  private state: SocketState = 'off'
  private token = ''
  private epoch = ''
  private limits: Limits | null = null
  private readonly positions = new Map<string, number | null>()
  private readonly asked = new Map<string, number>() // subscriptions that are not answered
  private readonly backoff: Backoff
  private drainUntil = 0
  private heartbeat = 15_000
  private openedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private pulse: ReturnType<typeof setTimeout> | undefined
  private ordered = false // the wait was told by the server
  private unanswered = false

  constructor(
    private readonly url: string,
    private readonly on: SocketHandlers,
    private readonly open: Opener = (to) => new WebSocket(to),
    private readonly random: () => number = Math.random,
  ) {
    this.backoff = new Backoff(random)
  }

  /** Begins to connect with a token, and ends what was under another one. */
  start(token: string): void {
    if (this.token === token && this.state !== 'off' && this.state !== 'ended') return
    this.drop()
    this.token = token
    this.backoff.reset()
    this.connect()
  }

  /** Ends the connection, and forgets all sessions and the token. */
  stop(): void {
    this.drop()
    this.token = ''
    this.epoch = ''
    this.positions.clear()
    this.become('off')
  }

  /** Tries at once, unless the server said when. */
  nudge(): void {
    if (this.state === 'waiting' && !this.ordered) this.connect()
  }

  /** Asks whether the connection is alive: the machine may have slept. */
  probe(): void {
    if (this.state === 'online') this.ping()
    else this.nudge()
  }

  /** Watches a session. `after` is the highest seq that is known, null for "from now on". */
  watch(uri: string, after: number | null): void {
    if (this.positions.has(uri)) return
    this.positions.set(uri, after)
    if (this.state === 'online') this.subscribe([uri])
  }

  unwatch(uri: string): void {
    if (!this.positions.delete(uri)) return
    this.asked.delete(uri)
    if (this.state === 'online') this.send({ type: 'unsubscribe', uri })
  }

  watches(uri: string): boolean {
    return this.positions.has(uri)
  }

  typing(uri: string): void {
    if (this.state === 'online' && this.positions.has(uri)) this.send({ type: 'typing', uri })
  }

  private become(state: SocketState, retryAt = 0): void {
    this.state = state
    this.on.state(state, retryAt, this.unanswered)
  }

  private drop(): void {
    clearTimeout(this.timer)
    clearTimeout(this.pulse)
    this.asked.clear()
    const ws = this.ws
    this.ws = null
    if (!ws) return
    ws.onopen = ws.onmessage = ws.onclose = ws.onerror = null
    ws.close()
  }

  private connect(): void {
    this.drop()
    this.drainUntil = 0
    this.ordered = false
    this.become('connecting')
    const ws = this.open(this.url)
    this.ws = ws
    ws.onopen = () => ws.send(JSON.stringify({ type: 'auth', token: this.token }))
    ws.onmessage = (m) => this.receive(String(m.data))
    ws.onclose = (e) => this.closed(e.code, e.reason)
    this.pulse = setTimeout(() => this.lost(), helloPatience)
  }

  /** Gives a connection up that does not answer. */
  private lost(): void {
    this.drop()
    this.unanswered = true
    this.closed(1006, '')
  }

  private closed(code: number, reason: string): void {
    this.drop()
    if (this.openedAt && Date.now() - this.openedAt >= stable) this.backoff.reset()
    this.openedAt = 0
    if (code === tokenRefused) {
      this.become('ended')
      this.on.tokenEnded()
      return
    }
    const wait = Math.max(breath, this.pause(code, reason))
    this.become('waiting', Date.now() + wait)
    this.timer = setTimeout(() => this.connect(), wait)
  }

  /** How long to wait after a close. */
  private pause(code: number, reason: string): number {
    this.ordered = true
    if (ourFault.includes(code)) return ourFaultPause + this.random() * spread
    if (code === full || code === tooMany) {
      const told = Number(reason)
      if (told > 0) return told
    }
    if (this.drainUntil) return Math.max(0, this.drainUntil - Date.now())
    if (code === restarting) return this.random() * spread
    this.ordered = false
    return this.backoff.next()
  }

  private send(frame: object): void {
    this.ws?.send(JSON.stringify(frame))
  }

  private subscribe(uris: string[]): void {
    const size = this.limits?.subscribe ?? 200
    for (let i = 0; i < uris.length; i += size) {
      const sessions = uris.slice(i, i + size).map((uri) => {
        this.asked.set(uri, (this.asked.get(uri) ?? 0) + 1)
        const after = this.positions.get(uri)
        return after === null || after === undefined ? { uri } : { uri, after }
      })
      this.send({ type: 'subscribe', sessions, ...(this.epoch && { epoch: this.epoch }) })
    }
  }

  private heard(): void {
    clearTimeout(this.pulse)
    this.pulse = setTimeout(() => this.ping(), this.heartbeat)
  }

  /** Browsers do not show pings of the protocol, so silence is asked about. */
  private ping(): void {
    this.send({ type: 'ping' })
    clearTimeout(this.pulse)
    this.pulse = setTimeout(() => this.lost(), patience)
  }

  private receive(text: string): void {
    const frame = parseFrame(text)
    if (!frame) return
    this.heard()
    this.handle(frame)
  }

  private handle(f: ServerFrame): void {
    switch (f.type) {
      case 'hello':
        this.limits = f.limits
        this.heartbeat = f.heartbeat * 1000
        this.openedAt = Date.now()
        this.unanswered = false
        if (!this.epoch) this.epoch = f.epoch
        this.become('online')
        this.heard()
        this.subscribe([...this.positions.keys()])
        this.on.hello(f.limits)
        break
      case 'subscribed':
        this.answered(f.uri)
        if (this.positions.get(f.uri) === null) this.positions.set(f.uri, f.head)
        break
      case 'reset':
        this.answered(f.uri)
        this.epoch = f.epoch
        if (!this.positions.has(f.uri)) break
        this.on.reset(f.uri)
        this.positions.set(f.uri, f.oldest - 1)
        this.subscribe([f.uri])
        break
      case 'event':
        this.event(f.uri, f)
        break
      case 'caught_up':
        this.on.caughtUp(f.uri, f.seq)
        break
      case 'unsubscribed':
        if (f.reason === 'asked') break
        this.positions.delete(f.uri)
        this.on.gone(f.uri, f.reason)
        break
      case 'error':
        if (!f.uri) break
        this.answered(f.uri)
        if (f.code === 'not_found' && this.positions.delete(f.uri)) this.on.gone(f.uri, 'not_found')
        break
      case 'presence':
        this.on.presence(f)
        break
      case 'typing':
        this.on.typing(f.uri, f.user)
        break
      case 'notice':
        this.on.notice(f.notice, f.uri, f.seq)
        break
      case 'drain':
        this.drainUntil = Date.now() + f.reconnect_in_ms
        break
    }
  }

  private answered(uri: string): void {
    const n = (this.asked.get(uri) ?? 0) - 1
    if (n > 0) this.asked.set(uri, n)
    else this.asked.delete(uri)
  }

  private event(uri: string, e: LogEvent): void {
    const at = this.positions.get(uri)
    if (at === undefined || at === null || e.seq <= at) return
    if (e.seq > at + 1) {
      if (!this.asked.has(uri)) this.subscribe([uri]) // a hole: ask again from where it stands
      return
    }
    this.positions.set(uri, e.seq)
    this.on.event(uri, e)
  }
}
