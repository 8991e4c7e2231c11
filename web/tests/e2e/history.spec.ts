import type { Page } from '@playwright/test'
import { expect, signUp, test, type Person, type Window } from '../fixtures'

/** Posts many messages, some long, some by another person. */
async function fill(uri: string, people: Person[], n: number): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: 24 }, async () => {
    while (next < n) {
      const i = next++
      await people[Math.floor(i / 3) % people.length]!.say(uri, i % 5 ? `message ${i} ${'word '.repeat((i * 7) % 60)}` : `**bold** ${i} with \`code\`\n\n- a list\n- of two`)
    }
  }))
}

const nodes = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length)

async function scroller(w: Window) {
  return w.page.getByRole('region', { name: 'Messages' })
}

test.describe('10,000 messages', () => {
  test.describe.configure({ mode: 'serial', timeout: 240_000 })
  let ada: Person
  let uri = ''

  test('27 open at once at the latest, with few nodes', async ({ windows, site }) => {
    ada = await signUp(site, 'ada')
    const bob = await signUp(site, 'bob')
    uri = await ada.open('A long talk', bob)
    await fill(uri, [ada, bob], 10_000)
    const w = await windows.open(ada)
    await w.goto('/')
    await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
    const requests: string[] = []
    w.page.on('request', (r) => requests.push(new URL(r.url()).pathname))
    const began = Date.now()
    await w.page.getByRole('link', { name: /A long talk/ }).click()
    await expect(w.page.locator('article').last()).toBeInViewport()
    const took = Date.now() - began
    const rows = await w.messages.count()
    const all = await nodes(w.page)
    console.log(`a chat of 10,000 messages was open ${took} ms after the click, with ${rows} rows and ${all} nodes`)
    expect(rows).toBeLessThan(60)
    expect(all).toBeLessThan(1_500)
    expect(requests.filter((r) => r.includes('/events/'))).toHaveLength(1) // a page of it is enough
    await w.page.waitForTimeout(300)
    const newest = Math.max(...(await w.seqs()))
    expect(newest).toBe(10_003)

    // 28: the same chat, scrolled up by 216,000 pixels.
    const box = await scroller(w)
    const session = await w.context.newCDPSession(w.page)
    await session.send('Performance.enable')
    const figures = await box.evaluate(async (el) => {
      const frames: number[] = []
      const long: number[] = []
      new PerformanceObserver((list) => list.getEntries().forEach((e) => long.push(e.duration))).observe({ type: 'longtask' })
      let most = 0
      let last = await new Promise<number>(requestAnimationFrame)
      for (let i = 0; i < 240; i++) {
        el.scrollTop -= 900
        const now = await new Promise<number>(requestAnimationFrame) // when the frame began
        frames.push(now - last)
        last = now
        if (i % 20 === 0) most = Math.max(most, document.querySelectorAll('*').length)
      }
      frames.sort((a, b) => a - b)
      return { median: frames[120]!, p95: frames[227]!, max: frames[239]!, long, most, rows: document.querySelectorAll('article').length }
    })
    console.log(`scrolled 240 frames of 900 px: median ${figures.median.toFixed(1)} ms, p95 ${figures.p95.toFixed(1)} ms, max ${figures.max.toFixed(1)} ms, long tasks ${JSON.stringify(figures.long.map(Math.round))}, at most ${figures.most} nodes`)
    expect(figures.most).toBeLessThan(1_500)
    expect(figures.rows).toBeGreaterThan(0)
    // What was scrolled over is really there, in order and without a gap.
    await w.page.waitForTimeout(500)
    const seqs = await w.seqs()
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => seqs[0]! + i))
  })

  test('29 older pages come without a jump', async ({ windows }) => {
    const w = await windows.open(ada)
    await w.goto(`/c/${uri}`)
    const box = await scroller(w)
    await expect(w.page.locator('article').last()).toBeInViewport()
    // Pages come late, so that they come while one looks.
    let pages = 0
    await w.page.route(/\/events\//, async (route) => {
      await new Promise((done) => setTimeout(done, 400))
      pages++
      await route.continue()
    })
    let worst = 0
    for (let turn = 0; turn < 4; turn++) {
      const before = pages
      await box.evaluate((el) => (el.scrollTop = 300))
      await w.page.waitForTimeout(200)
      const seen = await middle(w)
      await expect.poll(() => pages, { timeout: 15_000 }).toBeGreaterThan(before)
      await w.page.waitForTimeout(500)
      const now = await w.page.locator(`article[data-seq="${seen.seq}"]`).evaluate((e) => e.getBoundingClientRect().top)
      worst = Math.max(worst, Math.abs(now - seen.top))
    }
    console.log(`the message in the middle moved by at most ${worst.toFixed(2)} px while older ones came`)
    expect(worst).toBeLessThan(2)
  })

  test('stay usable while 200 messages a second come', async ({ windows, site }) => {
    const [writer, reader] = [await signUp(site, 'writer'), await signUp(site, 'reader')]
    const room = await writer.open('Busy', reader)
    const w = await windows.open(reader)
    await w.goto(`/c/${room}`)
    await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
    let sent = 0
    const began = Date.now()
    const end = began + 10_000
    const writing = Promise.all(Array.from({ length: 8 }, async () => {
      while (Date.now() < end) {
        const due = began + sent * 5 // one each 5 ms
        if (due > Date.now()) await new Promise((done) => setTimeout(done, due - Date.now()))
        sent++
        await writer.say(room, `line ${sent}`)
      }
    }))
    await w.compose.focus()
    const latencies: number[] = []
    while (Date.now() < end - 500) {
      latencies.push(await w.page.evaluate(async () => {
        const area = document.querySelector('textarea')!
        const at = performance.now()
        area.value += 'x'
        area.dispatchEvent(new InputEvent('input', { bubbles: true }))
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))
        return performance.now() - at
      }))
      await w.page.waitForTimeout(50)
    }
    await writing
    latencies.sort((a, b) => a - b)
    console.log(`${(sent / ((Date.now() - began) / 1000)).toFixed(0)} messages/s: from a key to the next frame median ${latencies[latencies.length >> 1]!.toFixed(1)} ms, p95 ${latencies[Math.floor(latencies.length * 0.95)]!.toFixed(1)} ms; ${await nodes(w.page)} nodes`)
    await expect(w.message(`line ${sent}`)).toBeInViewport()
    await expect.poll(async () => Math.max(...(await w.seqs()))).toBe((await reader.history(room)).at(-1)!.seq)
    expect(await nodes(w.page)).toBeLessThan(1_500)
  })
})

async function middle(w: Window): Promise<{ seq: number; top: number }> {
  return w.page.evaluate(() => {
    const box = document.querySelector('[data-region="messages"]')!.getBoundingClientRect()
    const y = box.top + box.height / 2
    const row = [...document.querySelectorAll<HTMLElement>('article[data-seq]')].find((a) => a.getBoundingClientRect().bottom > y)!
    return { seq: Number(row.dataset.seq), top: row.getBoundingClientRect().top }
  })
}

test('counts on a pill what comes while one reads above', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  for (let i = 0; i < 60; i++) await bob.say(uri, `line ${i}`)
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await expect(w.message('line 59')).toBeInViewport()
  await (await scroller(w)).evaluate((el) => (el.scrollTop = 400))
  await expect(w.page.getByRole('button', { name: 'Latest messages' })).toBeVisible()
  await w.page.waitForTimeout(200)
  const seen = await middle(w)
  for (let i = 0; i < 3; i++) await bob.say(uri, `news ${i}`)
  await expect(w.page.getByRole('button', { name: '3 new messages' })).toBeVisible()
  expect(Math.abs((await w.page.locator(`article[data-seq="${seen.seq}"]`).evaluate((e) => e.getBoundingClientRect().top)) - seen.top)).toBeLessThan(2)
  await w.page.getByRole('button', { name: '3 new messages' }).click()
  await expect(w.message('news 2')).toBeInViewport()
  // What one sends oneself is always shown.
  await (await scroller(w)).evaluate((el) => (el.scrollTop = 400))
  await w.send('my own')
  await expect(w.message('my own')).toBeInViewport()
})

test('keeps the divider where it was, until one sends', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  await bob.say(uri, 'old')
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await expect(w.message('old')).toBeVisible()
  await w.goto('/')
  await expect.poll(async () => (await ada.call<{ unread: number }>('GET', `/api/chats/${uri}/`)).unread).toBe(0)
  for (const text of ['new one', 'new two']) await bob.say(uri, text)
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByRole('separator').filter({ hasText: '2 new messages' })).toBeVisible()
  await bob.say(uri, 'new three')
  await expect(w.message('new three')).toBeVisible()
  await expect(w.page.getByRole('separator').filter({ hasText: 'new messages' })).toHaveCount(1)
  await w.send('thanks')
  await expect(w.page.getByRole('separator').filter({ hasText: 'new messages' })).toHaveCount(0)
})

test('32 separates local days, and groups for five minutes', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  for (const text of ['late', 'past midnight', 'soon after', 'much later', 'after the divider']) await bob.say(uri, text)
  const w = await windows.open(ada, { timezoneId: 'Asia/Tokyo' })
  // The dates are changed on their way, since the server's clock is its own.
  const dates: Record<string, string> = {
    late: '2026-03-01T14:59:00.000000Z', 'past midnight': '2026-03-01T15:01:00.000000Z', 'soon after': '2026-03-01T15:05:30.000000Z', 'much later': '2026-03-01T15:10:31.000000Z', 'after the divider': '2026-03-01T15:11:00.000000Z',
  }
  await w.page.route(/\/events\//, async (route) => {
    const answer = await route.fetch()
    const body = (await answer.json()) as { events: { message?: string; created_date: string }[] }
    for (const e of body.events) e.created_date = dates[e.message ?? ''] ?? '2026-03-01T14:00:00.000000Z'
    await route.fulfill({ response: answer, json: body })
  })
  await ada.call('PUT', `/api/chats/${uri}/read/`, { seq: 6 })
  await w.goto(`/c/${uri}`)
  await expect(w.message('after the divider')).toBeVisible()
  await expect(w.page.getByRole('separator').filter({ hasText: 'March' })).toHaveText(['1 March', '2 March'])
  const heads = await w.messages.evaluateAll((rows) => rows.filter((r) => r.querySelector('.who')).map((r) => r.querySelector('.text')!.textContent))
  expect(heads.sort()).toEqual(['after the divider', 'late', 'much later', 'past midnight'])
})

test('44 says what is wrong and tries again, and is kind when there is nothing', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const w = await windows.open(ada)
  await w.goto('/')
  await expect(w.page.getByRole('main').getByRole('button', { name: 'Start chatting' })).toBeVisible()
  const uri = await ada.open('The attic')
  await ada.say(uri, 'here')
  await w.page.route(/\/events\//, (route) => route.fulfill({ status: 500, json: { detail: 'no' } }))
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByRole('alert').getByRole('button', { name: 'Retry' })).toBeVisible()
  await expect(w.page.locator('.bone')).toHaveCount(0)
  await w.page.unrouteAll()
  await w.page.getByRole('button', { name: 'Retry' }).click()
  await expect(w.message('here')).toBeVisible()
  await w.page.route(/\/api\/chats\/\?/, (route) => route.fulfill({ status: 503, json: { detail: 'no' } }))
  await w.page.reload()
  await expect(w.page.getByText('Your chats could not be loaded.')).toBeVisible()
})


test('reads by itself what could not be read, once there is a connection again', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open('The attic')
  await ada.say(uri, 'said before')
  const w = await windows.open(ada)
  await w.page.route(/\/events\/|\/messages\/$/, (route) => route.abort())
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByRole('heading', { name: 'The messages could not be loaded' })).toBeVisible()
  await w.send('written meanwhile')
  await expect(w.message('written meanwhile')).toBeVisible()
  await w.page.unrouteAll()
  site.gateway.cut('ws')
  await expect(w.message('said before')).toBeVisible({ timeout: 20_000 })
  await expect(w.message('written meanwhile').getByText('Delivered')).toBeAttached({ timeout: 20_000 })
  await expect(w.page.getByRole('heading', { name: 'The messages could not be loaded' })).toHaveCount(0)
})
