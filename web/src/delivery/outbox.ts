/** A message that is on its way. */
export interface Outgoing {
  clientId: string
  uri: string
  text: string
  replyTo: number | null
  /** When it was written, in ms since the epoch. */
  at: number
  /** Why it will never go out by itself; empty while it will. */
  refused: string
  /** The server has it, and its event is on the way here. */
  stored?: boolean
}

/** What came of a try. `later` may have been stored: the same is sent again. */
export type Outcome = { kind: 'posted' } | { kind: 'later'; wait?: number } | { kind: 'refused'; reason: string } | { kind: 'signedOut' }

export type Send = (m: Outgoing) => Promise<Outcome>

/** The most that wait at once. */
export const capacity = 50

/** A key-value store such as localStorage. */
export type Shelf = Pick<Storage, 'length' | 'key' | 'getItem' | 'setItem' | 'removeItem'>

/**
 * Outbox keeps messages until the server has them: in order for each session, over
 * reloads, and only once thanks to their client ids. Each session has one message under
 * way. One that is refused stays until somebody decides, and holds up none behind it.
 *
 * Each message has a key of its own, so that tabs which write at the same time do not
 * overwrite each other's.
 */
export class Outbox {
  private all: Outgoing[]
  private readonly unkept = new Set<string>() // what the shelf had no room for
  private readonly busy = new Set<string>()
  private readonly waiting = new Map<string, ReturnType<typeof setTimeout>>()
  private readonly tries = new Map<string, number>()
  private paused = true

  constructor(
    private readonly prefix: string,
    private readonly shelf: Shelf,
    private readonly post: Send,
    private readonly changed: (all: readonly Outgoing[]) => void,
    private readonly random: () => number = Math.random,
  ) {
    this.all = this.read()
  }

  get messages(): readonly Outgoing[] {
    return this.all
  }

  /** Puts a message at the end; false if there are too many. */
  add(m: Omit<Outgoing, 'refused'>): boolean {
    if (this.all.length >= capacity) return false
    const at = Math.max(m.at, (this.all.at(-1)?.at ?? 0) + 1)
    this.put({ ...m, at, refused: '' })
    this.next(m.uri)
    return true
  }

  /** Tries a refused message again. */
  retry(clientId: string): void {
    const m = this.all.find((o) => o.clientId === clientId)
    if (!m) return
    this.put({ ...m, refused: '' })
    this.next(m.uri)
  }

  /** Takes a message out that was decided upon, or that is known to be stored. */
  remove(clientId: string): void {
    if (!this.all.some((o) => o.clientId === clientId)) return
    this.unkept.delete(clientId)
    this.shelf.removeItem(this.prefix + clientId)
    this.all = this.all.filter((o) => o.clientId !== clientId)
    this.changed(this.all)
  }

  /** Begins to send, or goes on at once where it waits. */
  resume(): void {
    this.paused = false
    for (const uri of new Set(this.all.map((o) => o.uri))) {
      clearTimeout(this.waiting.get(uri))
      this.waiting.delete(uri)
      this.next(uri)
    }
  }

  pause(): void {
    this.paused = true
    for (const timer of this.waiting.values()) clearTimeout(timer)
    this.waiting.clear()
  }

  /** Takes over what another tab wrote. */
  reload(): void {
    this.all = sorted([...this.read(), ...this.all.filter((m) => this.unkept.has(m.clientId))])
    this.changed(this.all)
    if (!this.paused) for (const uri of new Set(this.all.map((o) => o.uri))) this.next(uri)
  }

  /** Forgets everything. */
  clear(): void {
    this.pause()
    for (const key of this.keys()) this.shelf.removeItem(key)
    this.unkept.clear()
    this.all = []
    this.changed(this.all)
  }

  private next(uri: string): void {
    if (this.paused || this.busy.has(uri) || this.waiting.has(uri)) return
    const m = this.all.find((o) => o.uri === uri && !o.refused)
    if (!m) return
    this.busy.add(uri)
    void this.try(m)
  }

  private async try(m: Outgoing): Promise<void> {
    let outcome: Outcome
    try {
      outcome = await this.post(m)
    } catch {
      outcome = { kind: 'later' }
    }
    this.busy.delete(m.uri)
    switch (outcome.kind) {
      case 'posted':
        this.tries.delete(m.clientId)
        this.remove(m.clientId)
        break
      case 'refused':
        this.tries.delete(m.clientId)
        if (this.all.some((o) => o.clientId === m.clientId)) this.put({ ...m, refused: outcome.reason })
        break
      case 'signedOut':
        this.pause()
        return
      case 'later': {
        const n = this.tries.get(m.clientId) ?? 0
        this.tries.set(m.clientId, n + 1)
        const wait = outcome.wait ?? 250 + this.random() * Math.min(8_000, 500 * 2 ** n)
        if (!this.paused) {
          this.waiting.set(
            m.uri,
            setTimeout(() => {
              this.waiting.delete(m.uri)
              this.next(m.uri)
            }, wait),
          )
        }
        return
      }
    }
    this.next(m.uri)
  }

  private keys(): string[] {
    const keys = Array.from({ length: this.shelf.length }, (_, i) => this.shelf.key(i) ?? '')
    return keys.filter((key) => key.startsWith(this.prefix))
  }

  private read(): Outgoing[] {
    const found: Outgoing[] = []
    for (const key of this.keys()) {
      try {
        found.push(JSON.parse(this.shelf.getItem(key) ?? '') as Outgoing)
      } catch {
        // what cannot be read was not written by us
      }
    }
    return sorted(found)
  }

  private put(m: Outgoing): void {
    this.unkept.delete(m.clientId)
    try {
      this.shelf.setItem(this.prefix + m.clientId, JSON.stringify(m))
    } catch {
      this.unkept.add(m.clientId) // a full or forbidden shelf: it lives as long as the page
    }
    this.all = sorted([...this.all.filter((o) => o.clientId !== m.clientId), m])
    this.changed(this.all)
  }
}

function sorted(all: Outgoing[]): Outgoing[] {
  return all.sort((a, b) => a.at - b.at || a.clientId.localeCompare(b.clientId))
}
