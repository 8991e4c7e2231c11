import { test as base, expect, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from '@playwright/test'
import { startOne, type Site } from './servers'

export { expect } from '@playwright/test'

export const password = 'correct-horse-9'
let count = 0

/** Somebody with an account, and what they do without a browser. */
export class Person {
  id = 0
  constructor(
    private readonly origin: string,
    readonly name: string,
    public token = '',
  ) {}

  async call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.origin + path, {
      method,
      headers: { 'Content-Type': 'application/json', ...(this.token && { Authorization: `Token ${this.token}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return (answer.status === 204 ? undefined : await answer.json()) as T
  }

  async signIn(label = 'tests'): Promise<string> {
    const { auth_token } = await this.call<{ auth_token: string }>('POST', '/auth/token/create/', { username: this.name, password, label })
    return auth_token
  }

  async open(title = '', ...others: Person[]): Promise<string> {
    const { uri } = await this.call<{ uri: string }>('POST', '/api/chats/', {})
    for (const p of others) await this.call('PATCH', `/api/chats/${uri}/`, { username: p.name })
    if (title) await this.call('PATCH', `/api/chats/${uri}/`, { title })
    return uri
  }

  async say(uri: string, message: string, more: object = {}): Promise<number> {
    const { seq } = await this.call<{ seq: number }>('POST', `/api/chats/${uri}/messages/`, { message, ...more })
    return seq
  }

  async history(uri: string): Promise<{ seq: number; message: string }[]> {
    return (await this.call<{ messages: { seq: number; message: string }[] }>('GET', `/api/chats/${uri}/messages/?limit=200`)).messages
  }
}

export async function signUp(site: { origin: string }, name: string, unique = true): Promise<Person> {
  const p = new Person(site.origin, unique ? `${name}${process.pid % 1000}x${++count}` : name)
  p.id = (await p.call<{ id: number }>('POST', '/auth/users/', { username: p.name, password })).id
  p.token = await p.signIn()
  return p
}

/** A browser window of a person, with what the tests look at in it. */
export class Window {
  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly origin: string,
  ) {}

  get compose(): Locator {
    return this.page.getByRole('textbox', { name: /^Message / })
  }

  get messages(): Locator {
    return this.page.locator('article')
  }

  message(text: string): Locator {
    return this.messages.filter({ hasText: text })
  }

  async send(text: string): Promise<void> {
    await this.compose.fill(text)
    await this.compose.press('Enter')
  }

  /** The seqs of the stored messages that are shown, from top to bottom. */
  async seqs(): Promise<number[]> {
    const all = await this.page.locator('article[data-seq]').evaluateAll((rows) => rows.map((r) => ({ seq: Number((r as HTMLElement).dataset.seq), top: r.getBoundingClientRect().top })))
    return all.sort((a, b) => a.top - b.top).map((r) => r.seq)
  }

  async texts(): Promise<string[]> {
    const all = await this.page.locator('article').evaluateAll((rows) => rows.map((r) => ({ text: r.querySelector('.text')?.textContent ?? '', top: r.getBoundingClientRect().top })))
    return all.sort((a, b) => a.top - b.top).map((r) => r.text)
  }

  async goto(path: string): Promise<void> {
    await this.page.goto(this.origin + path)
  }
}

/** Opens windows, and looks at each for what no page of ours may do. */
export class Windows {
  readonly complaints: string[] = []
  private readonly contexts: BrowserContext[] = []

  constructor(
    private readonly browser: Browser,
    private readonly site: { origin: string },
  ) {}

  async open(who: Person | null, options: BrowserContextOptions = {}): Promise<Window> {
    const localStorage = who
      ? [{ name: 'authToken', value: who.token }, { name: 'username', value: who.name }, { name: 'chatire.user', value: JSON.stringify({ id: who.id, username: who.name, email: '' }) }]
      : []
    const context = await this.browser.newContext({
      permissions: ['clipboard-read', 'clipboard-write'],
      storageState: { cookies: [], origins: [{ origin: this.site.origin, localStorage }] },
      ...options,
    })
    this.contexts.push(context)
    return this.window(context)
  }

  /** Another tab of the same browser. */
  async window(context: BrowserContext): Promise<Window> {
    const page = await context.newPage()
    page.on('request', (r) => {
      if (!/^(data|blob):/.test(r.url()) && new URL(r.url()).host !== new URL(this.site.origin).host) this.complaints.push(`a request to ${r.url()}`)
    })
    page.on('pageerror', (e) => this.complaints.push(`an error: ${e.message}`))
    page.on('dialog', (d) => {
      this.complaints.push(`a dialog: ${d.message()}`)
      void d.dismiss()
    })
    page.on('console', (m) => {
      // What the server refuses, and what cannot be reached, the browser says by itself.
      if (['error', 'warning'].includes(m.type()) && !/Failed to load resource|WebSocket connection|WebSocket is (already|closed)|net::ERR/.test(m.text())) this.complaints.push(`the console: ${m.text()}`)
    })
    return new Window(page, context, this.site.origin)
  }

  async close(): Promise<void> {
    for (const c of this.contexts) await c.close()
  }
}

/** Tests with a server of their worker. Nothing may be said on a console, or leave the host. */
export const test = base.extend<{ windows: Windows }, { site: Site }>({
  site: [
    async ({}, use) => {
      const site = await startOne()
      await use(site)
      await site.stop()
    },
    { scope: 'worker' },
  ],
  windows: async ({ browser, site }, use) => {
    const windows = new Windows(browser, site)
    await use(windows)
    await windows.close()
    expect(windows.complaints).toEqual([])
  },
})
