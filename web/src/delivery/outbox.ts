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
}

/** What came of a try. `later` may have been stored: the same is sent again. */
export type Outcome = { kind: 'posted' } | { kind: 'later'; wait?: number } | { kind: 'refused'; reason: string } | { kind: 'signedOut' }

export type Send = (m: Outgoing) => Promise<Outcome>

/** The most that wait at once. */
export const capacity = 50

/** A key-value store such as localStorage. */
export interface Shelf {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/**
 * Outbox keeps messages until the server has them: in order for each session, over
 * reloads, and only once thanks to their client ids. Each session has one message under
 * way. One that is refused stays until somebody decides, and holds up none behind it.
 */
export class Outbox {
  private all: Outgoing[]
  private readonly busy = new Set<string>()
  private readonly waiting = new Map<string, ReturnType<typeof setTimeout>>()
  private readonly tries = new Map<string, number>()
  private paused = true

  constructor(
    private readonly key: string,
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
    this.all = [...this.all, { ...m, refused: '' }]
    this.save()
    this.next(m.uri)
    return true
  }

  /** Tries a refused message again. */
  retry(clientId: string): void {
    const m = this.all.find((o) => o.clientId === clientId)
    if (!m) return
    this.all = this.all.map((o) => (o === m ? { ...o, refused: '' } : o))
    this.save()
    this.next(m.uri)
  }

  /** Takes a message out that was decided upon, or that is known to be stored. */
  remove(clientId: string): void {
    if (!this.all.some((o) => o.clientId === clientId)) return
    this.all = this.all.filter((o) => o.clientId !== clientId)
    this.save()
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
    this.all = this.read()
    this.changed(this.all)
    if (!this.paused) this.resume()
  }

  /** Forgets everything. */
  clear(): void {
    this.pause()
    this.all = []
    this.shelf.removeItem(this.key)
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
        this.all = this.all.map((o) => (o.clientId === m.clientId ? { ...o, refused: outcome.reason } : o))
        this.save()
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

  private read(): Outgoing[] {
    try {
      const list: unknown = JSON.parse(this.shelf.getItem(this.key) ?? '[]')
      if (Array.isArray(list)) return list as Outgoing[]
    } catch {
      // what cannot be read was not written by us
    }
    return []
  }

  private save(): void {
    try {
      if (this.all.length === 0) this.shelf.removeItem(this.key)
      else this.shelf.setItem(this.key, JSON.stringify(this.all))
    } catch {
      // a full or forbidden store: the messages live as long as the page
    }
    this.changed(this.all)
  }
}
