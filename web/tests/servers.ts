import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { Gateway } from './gateway'

const bin = (name: string) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url))
const run = promisify(execFile)

async function freePort(): Promise<number> {
  const s = createServer()
  await new Promise<void>((done) => s.listen(0, '127.0.0.1', done))
  const { port } = s.address() as { port: number }
  await new Promise((done) => s.close(done))
  return port
}

/** Waits until something is true. */
export async function until(what: string, ready: () => Promise<boolean>, most = 30_000): Promise<void> {
  const end = Date.now() + most
  while (!(await ready().catch(() => false))) {
    if (Date.now() > end) throw new Error(`${what}: not within ${most} ms`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

/** A process of ours with its two addresses. */
class Process {
  private child: ChildProcess | null = null
  /** The end of what it wrote. */
  said = ''

  constructor(
    private readonly program: string,
    private readonly args: string[],
    private readonly env: Record<string, string>,
    readonly port: number,
    readonly ops: number,
  ) {}

  async start(): Promise<void> {
    const child = spawn(bin(this.program), this.args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child = child
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (d) => (this.said = (this.said + d).slice(-8_000)))
    await until(`${this.program} starts`, async () => {
      if (child.exitCode !== null) throw new Error(this.said)
      return (await fetch(`http://127.0.0.1:${this.ops}/readyz`)).ok
    }).catch((e: Error) => {
      throw new Error(`${e.message}\n${this.said}`)
    })
  }

  /** Ends it with a signal, and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    await ended
  }
}

/** What people reach: some processes behind a gateway. */
export interface Site {
  origin: string
  gateway: Gateway
  /** What the process wrote, its mails too. */
  said?(): string
  stop(): Promise<void>
}

/** All of Chatire as one process, with a database of its own. */
export async function startOne(env: Record<string, string> = {}): Promise<Site> {
  const [port, ops] = [await freePort(), await freePort()]
  const gateway = new Gateway(() => port)
  await gateway.listen()
  const one = new Process('chatirectl', ['dev', '--ephemeral', '--listen', `127.0.0.1:${port}`, '--ops-listen', `127.0.0.1:${ops}`], { CHATIRE_RATE_LIMIT: 'off', CHATIRE_LOG_LEVEL: 'error', ...env }, port, ops)
  await one.start()
  return {
    origin: gateway.origin,
    gateway,
    said: () => one.said,
    stop: async () => {
      gateway.close()
      await one.end('SIGKILL')
    },
  }
}

/** An installation with PostgreSQL and RabbitMQ: an API and two workers. */
export interface Installation extends Site {
  api: Process
  workers: Process[]
  /** Which worker new connections go to. */
  worker: number
  rabbitmq(verb: string): Promise<void>
}

export async function startAll(): Promise<Installation> {
  const { CHATIRE_TEST_POSTGRES_URL: postgres, CHATIRE_TEST_AMQP_URL: amqp, CHATIRE_TEST_RABBITMQ_CTL: ctl } = process.env
  if (!postgres || !amqp || !ctl) throw new Error('a PostgreSQL and a RabbitMQ are needed: run this as make test-web, which starts them')
  const name = `web_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client(postgres)
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  await admin.end()
  const database = new URL(postgres)
  database.pathname = `/${name}`
  const bus = new URL(amqp)
  bus.searchParams.set('prefix', name)

  const ports = await Promise.all(Array.from({ length: 6 }, freePort))
  const site = { worker: 0 }
  const gateway = new Gateway((kind) => (kind === 'ws' ? ports[2 + 2 * site.worker]! : ports[0]!))
  await gateway.listen()
  const env = (listen: number, ops: number) => ({
    CHATIRE_DATABASE_URL: database.href, CHATIRE_BUS_URL: bus.href, CHATIRE_SECRET: 's'.repeat(32), CHATIRE_RATE_LIMIT: 'off', CHATIRE_LOG_LEVEL: 'error',
    CHATIRE_LISTEN: `127.0.0.1:${listen}`, CHATIRE_OPS_LISTEN: `127.0.0.1:${ops}`, CHATIRE_PUBLIC_URL: gateway.origin,
  })
  const [apiPort, apiOps] = [ports[0]!, ports[1]!]
  await run(bin('chatirectl'), ['migrate', 'up'], { env: { ...process.env, ...env(apiPort, apiOps) } })
  const api = new Process('chatire-api', [], env(apiPort, apiOps), apiPort, apiOps)
  const workers = [0, 1].map((n) => new Process('chatire-worker', [], env(ports[2 + 2 * n]!, ports[3 + 2 * n]!), ports[2 + 2 * n]!, ports[3 + 2 * n]!))
  await Promise.all([api.start(), ...workers.map((w) => w.start())])
  return Object.assign(site, {
    origin: gateway.origin,
    gateway,
    api,
    workers,
    rabbitmq: async (verb: string) => void (await run(ctl, [verb])),
    stop: async () => {
      gateway.close()
      await Promise.all([api, ...workers].map((p) => p.end('SIGKILL')))
    },
  })
}
