import { expect, signUp, test } from '../fixtures'

const posts = /\/api\/chats\/[0-9a-f]+\/messages\/$/

test('9 shows a message at once, and says that it is under way only later', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  const w = await windows.open(ada)
  await w.page.route(posts, async (route) => {
    await new Promise((done) => setTimeout(done, 2_000))
    await route.continue()
  })
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByText('started this chat')).toBeVisible()
  await w.compose.fill('patience')
  const shown = await w.page.evaluate(async () => {
    const area = document.querySelector('textarea')!
    const began = performance.now()
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
    const at = { row: 0, sending: 0 }
    while (!at.sending && performance.now() - began < 1_900) {
      await new Promise(requestAnimationFrame)
      const row = [...document.querySelectorAll('article')].find((a) => a.textContent?.includes('patience'))
      if (row && !at.row) at.row = performance.now() - began
      if (row?.textContent?.includes('Sending')) at.sending = performance.now() - began
    }
    return at
  })
  console.log(`the row after ${shown.row.toFixed(0)} ms, "Sending" after ${shown.sending.toFixed(0)} ms`)
  expect(shown.row).toBeGreaterThan(0)
  expect(shown.sending).toBeGreaterThan(300) // what says it was not there before
  await expect(w.message('patience').getByText('Delivered')).toBeAttached()
  await expect(w.message('patience')).toHaveCount(1)
})

test('11 stores once what is sent twice', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const [a, b] = [await windows.open(ada), await windows.open(bob)]
  let tries = 0
  await a.page.route(posts, async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    tries++
    if (tries > 1) return route.continue()
    await route.fetch() // it reaches the server
    await route.abort('connectionreset') // and the answer is lost
  })
  // Without the websocket the answer is all that tells.
  await a.page.routeWebSocket(/\/ws\//, () => {})
  await b.goto(`/c/${uri}`)
  await a.goto(`/c/${uri}`)
  await a.send('once and only once')
  await expect(b.message('once and only once')).toHaveCount(1)
  await expect.poll(() => tries).toBe(2)
  await expect(a.page.locator('article').getByText('Sending').or(a.page.locator('article').getByText('Waiting'))).toHaveCount(0)
  expect(await ada.history(uri)).toHaveLength(1)
  await a.page.unrouteAll()
  await a.page.reload()
  await expect(a.message('once and only once')).toHaveCount(1)
})

test('12 keeps what the server refuses, and goes on', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  const long = 'x'.repeat(2_501)
  await w.send(long)
  const row = w.page.locator('article').filter({ hasText: 'Not sent.' })
  await expect(row).toContainText('2500')
  await w.send('the next one')
  await expect(w.message('the next one').getByText('Delivered')).toBeAttached()
  await row.getByRole('button', { name: 'Copy text' }).click()
  expect(await w.page.evaluate(() => navigator.clipboard.readText())).toBe(long)
  await w.page.reload()
  await expect(row).toHaveCount(1)
  await row.getByRole('button', { name: 'Try again' }).click()
  await expect(row).toContainText('2500')
  await row.getByRole('button', { name: 'Discard' }).click()
  await expect(w.page.getByText('Not sent.')).toHaveCount(0)
  expect((await ada.history(uri)).map((m) => m.message)).toEqual(['the next one'])
})

test('15 17 queues while offline, over a reload, and sends in order', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
  await expect(w.page.getByText('started this chat')).toBeVisible()
  await w.context.setOffline(true)
  site.gateway.refuse('ws', true) // being offline does not end websockets in this browser
  const away = Date.now()
  await expect(w.page.getByText('You’re offline.')).toBeVisible()
  console.log(`the banner came after ${Date.now() - away} ms`)
  await expect(w.page.getByText('Offline', { exact: true })).toBeVisible()
  for (const text of ['first', 'second', 'third']) await w.send(text)
  await expect(w.page.locator('article').getByText('Waiting for connection')).toHaveCount(3)
  expect(await bob.history(uri)).toHaveLength(0)
  // The page itself comes from the server, so it is reached while nothing else is.
  await w.context.setOffline(false)
  await w.page.route(/\/(api|auth)\//, (route) => route.abort())
  await w.page.routeWebSocket(/\/ws\//, (ws) => ws.close())
  await w.page.reload()
  await expect(w.page.getByRole('heading', { name: 'The messages could not be loaded' })).toBeVisible()
  expect(await w.page.evaluate(() => Object.keys(localStorage).some((k) => k.includes('.outbox.')))).toBe(true)
  await w.page.unrouteAll()
  site.gateway.refuse('ws', false)
  await w.page.reload()
  await expect.poll(async () => (await bob.history(uri)).map((m) => m.message)).toEqual(['first', 'second', 'third'])
  await expect(w.page.locator('article').getByText('Waiting for connection')).toHaveCount(0)
  expect(await w.texts()).toEqual(['first', 'second', 'third'])
})

test('sends from one tab only, and shows it in both', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  const first = await windows.open(ada)
  const second = await windows.window(first.context)
  await first.goto(`/c/${uri}`)
  await second.goto(`/c/${uri}`)
  await Promise.all([first, second].map(async (w, n) => {
    for (let i = 0; i < 10; i++) await w.send(`tab ${n} line ${i}`)
  }))
  await expect.poll(async () => (await ada.history(uri)).length).toBe(20)
  for (const n of [0, 1]) {
    expect((await ada.history(uri)).map((m) => m.message).filter((m) => m.startsWith(`tab ${n}`))).toEqual(Array.from({ length: 10 }, (_, i) => `tab ${n} line ${i}`))
  }
  for (const w of [first, second]) {
    await w.page.setViewportSize({ width: 1440, height: 3_000 })
    await expect.poll(() => w.seqs()).toEqual((await ada.history(uri)).map((m) => m.seq))
  }
})

test('34 sends with Enter, and not while a word is composed', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await w.compose.fill('にほん')
  await w.compose.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
  await w.compose.dispatchEvent('keydown', { key: 'Enter', keyCode: 229 })
  await expect(w.compose).toHaveValue('にほん')
  await w.compose.press('Shift+Enter')
  await expect(w.compose).toHaveValue('にほん\n')
  await w.compose.press('Enter')
  await expect(w.compose).toHaveValue('')
  await expect(w.message('にほん').getByText('Delivered')).toBeAttached()
  for (const blank of ['', '   ', '\n\n', '\u00a0\u2003']) {
    await w.compose.fill(blank)
    await expect(w.page.getByRole('button', { name: 'Send' })).toBeDisabled()
    await w.compose.press('Enter')
  }
  expect(await ada.history(uri)).toHaveLength(1)
})

test('34 sends with Ctrl and Enter where one has chosen so', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  const w = await windows.open(ada)
  await w.goto('/settings')
  await w.page.getByRole('radio', { name: 'Ctrl + Enter' }).click()
  await w.goto(`/c/${uri}`)
  await w.compose.fill('one')
  await w.compose.press('Enter')
  await w.compose.pressSequentially('two')
  await expect(w.compose).toHaveValue('one\ntwo')
  await w.compose.press('Control+Enter')
  await expect(w.message('one').getByText('Delivered')).toBeAttached()
})

test('43 inserts an emoji at the caret, by keyboard, and loads none before', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  const w = await windows.open(ada)
  const loaded: string[] = []
  w.page.on('request', (r) => loaded.push(r.url()))
  await w.goto(`/c/${uri}`)
  await w.compose.fill('well done')
  await w.compose.press('Home')
  for (let i = 0; i < 4; i++) await w.compose.press('ArrowRight')
  expect(loaded.filter((u) => /emoji|data-/i.test(u))).toEqual([])
  await w.page.keyboard.press('Shift+Tab')
  await expect(w.page.getByRole('button', { name: 'Insert emoji' })).toBeFocused()
  await w.page.keyboard.press('Enter')
  await expect(w.page.getByRole('searchbox', { name: 'Search emoji' })).toBeFocused()
  expect(loaded.filter((u) => /data-/.test(u))).toHaveLength(1)
  await w.page.keyboard.type('party popper')
  await expect(w.page.getByRole('dialog').getByRole('button', { name: 'party popper' })).toBeVisible()
  await w.page.keyboard.press('ArrowDown')
  await w.page.keyboard.press('Enter')
  await expect(w.compose).toHaveValue('well🎉 done')
  await expect(w.compose).toBeFocused()
  await w.page.getByRole('button', { name: 'Insert emoji' }).click()
  await w.page.keyboard.press('Escape')
  await expect(w.page.getByRole('button', { name: 'Insert emoji' })).toBeFocused()
  await w.compose.fill('')
  await w.compose.pressSequentially('ok :tada')
  await w.page.getByRole('option').first().waitFor()
  await w.compose.press('Enter')
  await expect(w.compose).toHaveValue('ok 🎉 ')
})
