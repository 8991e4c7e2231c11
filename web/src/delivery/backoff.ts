/** How long to wait before the next try: a random part of 1 s, 2 s, 4 s, then 8 s. */
const base = 1_000
const cap = 8_000

/** A connection that lived for so long counts as one that works. */
export const stable = 5_000

export class Backoff {
  private tries = 0

  constructor(private readonly random: () => number = Math.random) {}

  /** Returns the milliseconds to wait for, more each time ("full jitter"). */
  next(): number {
    const most = Math.min(cap, base * 2 ** this.tries++)
    return this.random() * most
  }

  reset(): void {
    this.tries = 0
  }
}
