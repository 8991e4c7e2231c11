import { expect, Person, signUp, test, Windows, type Window } from '../fixtures'
import { startAll, startOne, until, type Installation } from '../servers'

/** Waits until two windows show the same messages, all of them. */
async function same(uri: string, who: Person, ...windows: Window[]): Promise<number> {
  const want = (await who.history(uri)).map((m) => m.seq)
  for (const w of windows) {
    await w.page.setViewportSize({ width: 1440, height: 6_000 })
    await expect.poll(() => w.seqs(), { timeout: 40_000 }).toEqual(want)
    await w.page.setViewportSize({ width: 1440, height: 900 })
  }
  return want.length
}

test('18 ten clients come back spread out after a restart', async ({ browser }) => {
  test.setTimeout(120_000)
  const site = await startOne()
  const windows = new Windows(browser, site)
  const ada = await signUp(site, 'ada')
  const all = await Promise.all(Array.from({ length: 10 }, () => windows.open(ada)))
  // The server closes with 1012 without a word before, and takes nobody for a while.
  const tries: number[][] = all.map(() => [])
  let taken = true
  const closers: (() => Promise<void>)[] = []
  await Promise.all(all.map(async (w, i) => {
    await w.page.routeWebSocket(/\/ws\//, (ws) => {
      tries[i]!.push(Date.now())
      if (!taken) return void ws.close({ code: 1011, reason: 'not now' })
      ws.connectToServer()
      closers.push(() => ws.close({ code: 1012, reason: 'restart' }))
    })
    await w.goto('/')
    await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
  }))
  taken = false
  const closed = Date.now()
  await Promise.all(closers.map((close) => close()))
  await all[0]!.page.waitForTimeout(12_000)
  const firsts = tries.map((t) => t.find((at) => at >= closed)!)
  const spread = Math.max(...firsts) - Math.min(...firsts)
  const gaps = tries.flatMap((t) => t.filter((at) => at >= closed).map((at, i, list) => (i ? at - list[i - 1]! : at - closed)))
  const attempts = tries.map((t) => t.filter((at) => at >= closed).length)
  console.log(`ten clients came back spread over ${spread} ms, then tried ${Math.min(...attempts)} to ${Math.max(...attempts)} times in 12 s, ${Math.min(...gaps)} ms apart at least`)
  expect(spread).toBeGreaterThan(1_000)
  expect(Math.min(...gaps)).toBeGreaterThan(90) // 100, as the clock of another process sees it
  taken = true
  for (const w of all) await expect(w.page.getByText('Online', { exact: true })).toBeVisible({ timeout: 15_000 })
  await windows.close()
  await site.stop()
})

test('20 notices that a server does not answer any more', async ({ browser }) => {
  test.setTimeout(120_000)
  const site = await startOne()
  const windows = new Windows(browser, site)
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
  site.gateway.freeze(true)
  const began = Date.now()
  await bob.say(uri, 'said into the void')
  await expect(w.page.getByText('You’re offline.')).toBeVisible({ timeout: 40_000 })
  const took = Date.now() - began
  console.log(`a half-open connection was noticed after ${(took / 1000).toFixed(1)} s; the heartbeat is 15 s`)
  site.gateway.freeze(false)
  site.gateway.cut('ws')
  await expect(w.message('said into the void')).toBeVisible({ timeout: 15_000 })
  await expect(w.page.getByText('You’re offline.')).toHaveCount(0)
  await windows.close()
  await site.stop()
})

test.describe('what may break', () => {
  test.describe.configure({ mode: 'serial', timeout: 180_000 })
  let site: Installation
  let windows: Windows
  let ada: Person
  let bob: Person
  let uri = ''
  let a: Window
  let b: Window

  test.beforeAll(async ({ browser }) => {
    test.setTimeout(120_000)
    site = await startAll()
    windows = new Windows(browser, site)
    ada = await signUp(site, 'ada')
    bob = await signUp(site, 'bob')
    uri = await ada.open('What may break', bob)
    ;[a, b] = [await windows.open(ada), await windows.open(bob)]
    await Promise.all([a.goto(`/c/${uri}`), b.goto(`/c/${uri}`)])
    await talk('before')
  })

  test.afterAll(async () => {
    await windows?.close()
    await site?.stop()
    expect(windows.complaints).toEqual([])
  })

  /** Both say something, each for the other to see. */
  async function talk(what: string): Promise<void> {
    await Promise.all([a, b].map((w, n) => w.send(`${what} from ${n}`)))
    for (const w of [a, b]) for (const n of [0, 1]) await expect(w.message(`${what} from ${n}`)).toBeVisible({ timeout: 40_000 })
  }

  test('a worker is killed', async () => {
    const began = Date.now()
    await site.workers[0]!.end('SIGKILL')
    site.worker = 1
    await talk('after the kill')
    console.log(`worker killed: both saw both messages after ${Date.now() - began} ms`)
    await site.workers[0]!.start()
    await same(uri, ada, a, b)
  })

  test('a worker is drained', async () => {
    site.worker = 0
    const tries: number[] = []
    a.page.on('websocket', () => tries.push(Date.now()))
    const ending = site.workers[1]!.end('SIGTERM')
    await talk('while it drains')
    await ending
    await expect.poll(() => tries.length, { timeout: 40_000 }).toBeGreaterThan(0)
    await expect(a.page.getByText('Online', { exact: true })).toBeVisible({ timeout: 15_000 })
    await talk('after the drain')
    await expect(a.page.getByText('You’re offline.')).toHaveCount(0)
    await site.workers[1]!.start()
    await same(uri, ada, a, b)
  })

  test('the API is killed', async () => {
    await site.api.end('SIGKILL')
    for (const [n, w] of [a, b].entries()) await w.send(`without an API from ${n}`)
    await expect(a.page.locator('article').getByText('Sending')).toBeVisible()
    await a.page.waitForTimeout(2_000)
    await site.api.start()
    for (const w of [a, b]) for (const n of [0, 1]) await expect(w.message(`without an API from ${n}`)).toHaveCount(1, { timeout: 30_000 })
    await expect(a.page.locator('article').getByText('Sending')).toHaveCount(0, { timeout: 30_000 })
    await same(uri, ada, a, b)
  })

  test('the broker is killed', async () => {
    await site.rabbitmq('kill')
    await talk('without a broker')
    await site.rabbitmq('start')
    await until('the workers are back at the broker', async () => (await fetch(`http://127.0.0.1:${site.workers[0]!.ops}/readyz`)).ok, 60_000)
    await talk('with a broker again')
    await same(uri, ada, a, b)
  })

  test('one is offline', async () => {
    await a.context.setOffline(true)
    site.gateway.cut('ws') // being offline does not end websockets in this browser
    await a.send('written offline')
    await b.send('meanwhile')
    await expect(b.message('meanwhile').getByText('Delivered')).toBeAttached()
    await expect(a.page.locator('article').getByText('Waiting for connection').or(a.page.locator('article').getByText('Sending'))).toBeVisible()
    await a.context.setOffline(false)
    await expect(b.message('written offline')).toBeVisible({ timeout: 30_000 })
    await expect(a.message('meanwhile')).toBeVisible({ timeout: 30_000 })
    await same(uri, ada, a, b)
  })

  test('a connection is half-open', async () => {
    site.gateway.freeze(true)
    await a.send('into a half-open one')
    await expect(a.page.getByText('You’re offline.')).toBeVisible({ timeout: 30_000 })
    site.gateway.freeze(false)
    site.gateway.cut('ws')
    await talk('whole again')
    const n = await same(uri, ada, a, b)
    console.log(`after all of this both browsers show the same ${n} messages`)
  })

  test('and when both reload, nothing is different', async () => {
    await Promise.all([a.page.reload(), b.page.reload()])
    await same(uri, ada, a, b)
  })
})
