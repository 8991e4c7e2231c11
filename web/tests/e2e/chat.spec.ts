import { expect, signUp, test } from '../fixtures'

test('6 starts a chat, and gives its link on', { tag: '@smoke' }, async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const w = await windows.open(ada)
  await w.goto('/')
  await w.page.getByRole('main').getByRole('button', { name: 'Start chatting' }).click()
  await expect(w.page).toHaveURL(/\/c\/[0-9a-f]{15}$/)
  const uri = w.page.url().slice(-15)
  await w.page.evaluate(() => navigator.clipboard.writeText(''))
  await w.page.getByRole('button', { name: 'Invite' }).click()
  await expect.poll(() => w.page.evaluate(() => navigator.clipboard.readText())).toBe(`${site.origin}/j/${uri}`)
  await expect(w.page.getByRole('status').filter({ hasText: 'Copied' })).toBeAttached()
})

test('7 shows at once who joins', { tag: '@smoke' }, async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('The attic')
  const [a, b] = [await windows.open(ada), await windows.open(bob)]
  await a.goto(`/c/${uri}`)
  await expect(a.page.getByTestId('members')).toHaveText(/1 member/)
  await expect(a.page.getByText('Online', { exact: true })).toBeVisible()
  await b.goto(`/j/${uri}`)
  await b.page.getByRole('button', { name: 'Join chat' }).click()
  await expect(b.page).toHaveURL(new RegExp(`/c/${uri}$`))
  const joined = Date.now()
  await expect(a.page.getByText(`${bob.name} joined`).first()).toBeVisible()
  await expect(a.page.getByTestId('members')).toHaveText(/2 members/)
  console.log(`who joined was seen ${Date.now() - joined} ms after they were in`)
})

test('8 delivers a message, which its author sees once', { tag: '@smoke' }, async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const [a, b] = [await windows.open(ada), await windows.open(bob)]
  await a.goto(`/c/${uri}`)
  await b.goto(`/c/${uri}`)
  await expect(b.compose).toBeVisible()
  await b.page.evaluate(() => {
    const seen = new Map<string, number>()
    Object.assign(window, { seen })
    new MutationObserver(() => {
      for (const e of document.querySelectorAll('article .text')) if (!seen.has(e.textContent!)) seen.set(e.textContent!, Date.now())
    }).observe(document.body, { childList: true, subtree: true, characterData: true })
  })
  const took: number[] = []
  for (let i = 0; i < 50; i++) {
    const sent = Date.now()
    await a.send(`number ${i}.`)
    await expect(b.message(`number ${i}.`)).toBeVisible()
    took.push((await b.page.evaluate((t) => (window as unknown as { seen: Map<string, number> }).seen.get(t)!, `number ${i}.`)) - sent)
  }
  await expect(a.message('number 49.')).toHaveCount(1)
  expect((await ada.history(uri)).map((m) => m.message)).toEqual(Array.from({ length: 50 }, (_, i) => `number ${i}.`))
  took.sort((x, y) => x - y)
  console.log(`from Enter until the other person sees it: median ${took[25]} ms, p95 ${took[47]} ms of 50`)
})

test('13 shows both the same order when both send at once', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const [a, b] = [await windows.open(ada), await windows.open(bob)]
  await Promise.all([a.goto(`/c/${uri}`), b.goto(`/c/${uri}`)])
  await Promise.all([a, b].map(async (w, n) => {
    for (let i = 0; i < 20; i++) await w.send(`${'ab'[n]} ${i}`)
  }))
  const want = (await ada.history(uri)).map((m) => m.seq)
  await expect.poll(async () => (await ada.history(uri)).length).toBe(40)
  for (const w of [a, b]) {
    await w.page.setViewportSize({ width: 1440, height: 5_000 })
    await expect.poll(() => w.seqs()).toHaveLength(40)
  }
  expect(want.length).toBeLessThanOrEqual(40)
  const order = (await ada.history(uri)).map((m) => m.seq)
  expect(await a.seqs()).toEqual(order)
  expect(await b.seqs()).toEqual(order)
})

test('14 is the same after a reload', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  for (let i = 0; i < 60; i++) await (i % 3 ? ada : bob).say(uri, `line ${i}\n${'more '.repeat(i % 40)}`)
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await expect(w.message('line 59')).toBeInViewport()
  await w.compose.fill('unfinished')
  const before = await w.seqs()
  await w.page.waitForTimeout(500)
  await w.page.reload()
  await expect(w.message('line 59')).toBeInViewport()
  await expect(w.compose).toHaveValue('unfinished')
  const after = await w.seqs()
  expect(after.slice(-10)).toEqual(before.slice(-10))
})

test('edits, deletes, answers, reacts and mentions', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const [a, b] = [await windows.open(ada), await windows.open(bob)]
  await Promise.all([a.goto(`/c/${uri}`), b.goto(`/c/${uri}`)])
  await a.send('one mistaek')
  await expect(b.message('one mistaek')).toBeVisible()
  await expect(a.message('one mistaek').getByText('Delivered')).toBeAttached()
  await a.compose.press('ArrowUp')
  await expect(a.compose).toHaveValue('one mistaek')
  await a.send('one mistake')
  await expect(b.message('one mistake').getByText('edited')).toBeVisible()

  await b.message('one mistake').hover()
  await b.message('one mistake').getByRole('button', { name: 'Reply' }).click()
  await b.send('an answer')
  await expect(a.message('an answer').getByRole('button', { name: /one mistake/ })).toBeVisible()

  await b.message('one mistake').first().hover()
  await b.message('one mistake').first().getByRole('button', { name: 'React' }).click()
  await b.page.getByRole('dialog').getByRole('button', { name: 'thumbs up', exact: true }).click()
  await expect(a.message('one mistake').first().getByRole('button', { name: /👍 from 1 person/ })).toBeVisible()
  await a.message('one mistake').first().getByRole('button', { name: /👍/ }).click()
  await expect(b.message('one mistake').first().getByRole('button', { name: /👍 from 2 people/ })).toBeVisible()

  await a.compose.pressSequentially(`hello @${bob.name.slice(0, 3)}`)
  await expect(a.page.getByRole('option', { name: bob.name })).toBeVisible()
  await a.compose.press('Enter')
  await expect(a.compose).toHaveValue(`hello @${bob.name} `)
  await a.compose.press('Enter')
  await expect(b.message('hello').locator('.mention.me')).toHaveText(`@${bob.name}`)

  await a.message('one mistake').first().hover()
  await a.message('one mistake').first().getByRole('button', { name: 'More', exact: true }).click()
  await a.page.getByRole('menuitem', { name: 'Delete' }).click()
  await a.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(b.page.getByText('This message was deleted').first()).toBeVisible()
  await expect(b.page.locator('article .text', { hasText: 'one mistake' })).toHaveCount(0)
})

test('says who types, who is there, and who has read', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const [a, b] = [await windows.open(ada), await windows.open(bob)]
  await a.goto(`/c/${uri}`)
  await b.goto('/')
  await expect(a.page.getByTestId('members')).toHaveText(/2 online/)
  await a.send('have you read this')
  await expect(a.message('have you read this').getByText('Delivered')).toBeAttached()
  await b.page.getByRole('link', { name: new RegExp(ada.name) }).click()
  await expect(a.message('have you read this').getByText('Read by everyone')).toBeAttached()
  await b.compose.pressSequentially('I am')
  await expect(a.page.getByText(`${bob.name} is typing`).first()).toBeVisible()
  await b.page.close()
  await expect(a.page.getByTestId('members')).toHaveText(/1 online/)
})

test('finds chats and messages, and goes to an old one', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open('The attic')
  await ada.open('Another one')
  await ada.say(uri, 'the quick brown fox')
  for (let i = 0; i < 450; i++) await ada.say(uri, `filler ${i}`)
  const w = await windows.open(ada)
  await w.goto('/')
  await expect(w.page.getByRole('link', { name: /Another one/ })).toBeVisible()
  await w.page.keyboard.press('Control+k')
  await expect(w.page.getByRole('combobox')).toBeFocused()
  await w.page.keyboard.type('another')
  await expect(w.page.getByRole('option')).toHaveCount(1)
  await w.page.keyboard.press('Enter')
  await expect(w.page.getByRole('heading', { level: 1, name: 'Another one' })).toBeVisible()
  await w.page.keyboard.press('Control+k')
  await expect(w.page.getByRole('combobox')).toBeFocused()
  await w.page.keyboard.type('quick fox')
  await w.page.getByRole('option', { name: /quick brown fox/ }).click()
  await expect(w.message('the quick brown fox')).toBeInViewport()
  await expect(w.message('filler 0')).toBeVisible()
  // The gap to the end is read as one scrolls, or left out.
  await w.page.getByRole('button', { name: 'Latest messages' }).click()
  await expect(w.message('filler 449')).toBeInViewport()
  await expect(w.compose).toBeFocused()
})

test('manages a chat: title, members, roles, invites, closing, deleting', async ({ windows, site }) => {
  const [ada, bob, cid] = [await signUp(site, 'ada'), await signUp(site, 'bob'), await signUp(site, 'cid')]
  const uri = await ada.open('')
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await w.page.getByRole('button', { name: 'Chat details' }).click()
  const panel = w.page.getByRole('complementary', { name: 'Chat details' })
  await panel.getByRole('button', { name: 'Rename chat' }).click()
  await panel.getByRole('textbox', { name: 'Title' }).fill('The attic')
  await panel.getByRole('button', { name: 'Save' }).click()
  await expect(w.page.getByRole('heading', { level: 1, name: 'The attic' })).toBeVisible()

  await panel.getByRole('button', { name: 'Add' }).click()
  await panel.getByRole('textbox', { name: 'Username' }).fill('nobody-of-that-name')
  await panel.getByRole('textbox', { name: 'Username' }).press('Enter')
  await expect(panel.getByRole('alert')).toBeVisible()
  await panel.getByRole('textbox', { name: 'Username' }).fill(bob.name)
  await panel.getByRole('textbox', { name: 'Username' }).press('Enter')
  await expect(panel.getByText('2 members')).toBeVisible()

  await panel.getByRole('button', { name: `Actions for ${bob.name}` }).click()
  await w.page.getByRole('menuitem', { name: 'Let only read' }).click()
  await expect(panel.getByText('Reader')).toBeVisible()
  const b = await windows.open(bob)
  await b.goto(`/c/${uri}`)
  await expect(b.page.getByText('You can read this chat.')).toBeVisible()

  await panel.getByLabel('Who can join').selectOption('invite')
  await expect(panel.getByText('Only people with an invite can join.')).toBeVisible()
  await panel.getByRole('button', { name: 'New invite' }).click()
  await panel.getByRole('button', { name: 'Make invite' }).click()
  await expect(panel.getByText('Used 0 times')).toBeVisible()
  const link = await w.page.evaluate(() => navigator.clipboard.readText())
  const c = await windows.open(cid)
  await c.goto(new URL(link).pathname)
  await c.page.getByRole('button', { name: 'Join chat' }).click()
  await expect(c.page.getByRole('heading', { level: 1, name: 'The attic' })).toBeVisible()
  await expect(panel.getByText('3 members')).toBeVisible()

  await panel.getByRole('button', { name: `Actions for ${bob.name}` }).click()
  await w.page.getByRole('menuitem', { name: 'Ban' }).click()
  await w.page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click()
  await expect(panel.getByText('Banned')).toBeVisible()
  await expect(b.page.getByRole('heading', { level: 1, name: 'This chat is not here' })).toBeVisible()
  await panel.getByRole('button', { name: 'Let in again' }).click()
  await expect(panel.getByText('Banned')).toHaveCount(0)

  await panel.getByRole('button', { name: 'Close chat' }).click()
  await w.page.getByRole('dialog').getByRole('button', { name: 'Close chat' }).click()
  await expect(c.page.getByText('This chat is closed.')).toBeVisible()
  await panel.getByRole('button', { name: 'Delete chat' }).click()
  await w.page.getByRole('dialog').getByRole('button', { name: 'Delete for ever' }).click()
  await expect(w.page).toHaveURL(`${site.origin}/`)
  await expect(c.page.getByRole('heading', { level: 1, name: 'This chat is not here' })).toBeVisible()
})

test('leaves a chat', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('The attic', bob)
  const b = await windows.open(bob)
  await b.goto(`/c/${uri}/details`)
  await b.page.getByRole('button', { name: 'Leave chat' }).click()
  await b.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
  await expect(b.page).toHaveURL(`${site.origin}/`)
  await expect(b.page.getByRole('link', { name: /The attic/ })).toHaveCount(0)
})

test('41 keeps a draft to its chat', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const [x] = [await ada.open('Chat X'), await ada.open('Chat Y')]
  const w = await windows.open(ada)
  await w.goto(`/c/${x}`)
  await w.compose.fill('only for X')
  await w.page.getByRole('link', { name: /Chat Y/ }).click()
  await expect(w.page.getByRole('heading', { level: 1, name: 'Chat Y' })).toBeVisible()
  await expect(w.compose).toHaveValue('')
  await expect(w.page.getByRole('link', { name: /Chat X/ })).toContainText('Draft: only for X')
  await w.page.getByRole('link', { name: /Chat X/ }).click()
  await expect(w.compose).toHaveValue('only for X')
  await w.compose.press('Enter')
  await w.page.getByRole('link', { name: /Chat Y/ }).click()
  await expect(w.page.getByRole('link', { name: /Chat X/ })).toContainText('You: only for X')
})

test('42 tells of messages in the title and by sound, and asks for nothing', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('The attic', bob)
  const muted = await ada.open('Quiet', bob)
  await ada.call('PUT', `/api/chats/${muted}/notify/`, { notify: 'none' })
  const w = await windows.open(ada)
  await w.page.addInitScript(() => {
    Object.assign(window, { sounds: 0, asked: 0 })
    const Audio = AudioContext
    window.AudioContext = class extends Audio {
      constructor() {
        super()
        ;(window as unknown as { sounds: number }).sounds++
      }
    }
    Notification.requestPermission = () => {
      ;(window as unknown as { asked: number }).asked++
      return Promise.resolve('denied' as const)
    }
    Document.prototype.hasFocus = () => false
  })
  await w.goto('/')
  await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
  await w.page.evaluate(() => window.dispatchEvent(new Event('blur')))
  for (let i = 0; i < 5; i++) await bob.say(uri, `hey ${i}`)
  await bob.say(muted, 'psst')
  await expect(w.page).toHaveTitle('(5) Chatire')
  const told = () => w.page.evaluate(() => ({ sounds: (window as unknown as { sounds: number }).sounds, asked: (window as unknown as { asked: number }).asked }))
  expect(await told()).toEqual({ sounds: 1, asked: 0 })
  await w.page.waitForTimeout(2_100)
  await bob.say(muted, 'psst again')
  await expect(w.page.getByRole('link', { name: /Quiet/ })).toContainText('psst again')
  expect(await told()).toEqual({ sounds: 1, asked: 0 })
})

test('a list that comes late undoes nothing', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('The attic', bob)
  const w = await windows.open(ada)
  let lists = 0
  let release = () => {}
  const held = new Promise<void>((done) => (release = done))
  await w.page.route(/\/api\/chats\/\?/, async (route) => {
    const answer = await route.fetch()
    if (++lists > 1) await held // the one that is asked for when the websocket is there
    await route.fulfill({ response: answer })
  })
  await w.goto('/')
  await expect.poll(() => lists).toBe(2)
  for (const text of ['one', 'two', 'three']) await bob.say(uri, text)
  await expect(w.page).toHaveTitle('(3) Chatire')
  release()
  await w.page.waitForTimeout(500)
  await expect(w.page).toHaveTitle('(3) Chatire')
  await expect(w.page.getByRole('link', { name: /The attic/ })).toContainText('three')
})
