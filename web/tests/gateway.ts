import { createServer, connect, type Server, type Socket } from 'node:net'

type Kind = 'ws' | 'http'

/**
 * Gateway stands before the servers, as a proxy does: /ws/ goes to a worker, all else to
 * the API. What goes through it can be cut, or kept back without either side knowing.
 */
export class Gateway {
  private readonly pairs = new Set<{ kind: Kind; down: Socket; up: Socket }>()
  private readonly server: Server
  private readonly refused = new Set<Kind>()
  private frozen = false
  port = 0

  constructor(private readonly to: (kind: Kind) => number) {
    this.server = createServer((down) => this.accept(down))
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done))
    this.port = (this.server.address() as { port: number }).port
  }

  close(): void {
    this.server.close()
    this.cut('ws')
    this.cut('http')
  }

  /** Ends all connections of a kind. */
  cut(kind: Kind): void {
    for (const pair of this.pairs) {
      if (pair.kind !== kind) continue
      pair.down.destroy()
      pair.up.destroy()
    }
  }

  /** Refuses connections of a kind from now on, and ends those that there are. */
  refuse(kind: Kind, on: boolean): void {
    if (on) {
      this.refused.add(kind)
      this.cut(kind)
    } else this.refused.delete(kind)
  }

  /** Lets nothing through any more, in websockets, but keeps them open: half-open. */
  freeze(on: boolean): void {
    this.frozen = on
    for (const { kind, down, up } of this.pairs) {
      if (kind !== 'ws') continue
      for (const socket of [down, up]) if (on) socket.pause(); else socket.resume()
    }
  }

  private accept(down: Socket): void {
    down.on('error', () => down.destroy())
    down.once('data', (first) => {
      down.pause()
      const kind: Kind = /^GET \/ws\//.test(first.toString('latin1')) ? 'ws' : 'http'
      if (this.refused.has(kind)) return down.destroy()
      const up = connect(this.to(kind), '127.0.0.1', () => {
        up.write(first)
        down.pipe(up)
        up.pipe(down)
        if (this.frozen && kind === 'ws') this.freeze(true)
      })
      const pair = { kind, down, up }
      this.pairs.add(pair)
      up.on('error', () => up.destroy())
      for (const socket of [down, up]) {
        socket.on('close', () => {
          down.destroy()
          up.destroy()
          this.pairs.delete(pair)
        })
      }
    })
  }
}
