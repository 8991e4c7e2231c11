import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, password, signUp, test, type Person, type Window } from '../fixtures'
import type { Site } from '../servers'

/** Screens and dialogs, and how one comes to them. */
const screens: Record<string, (w: Window, uri: string) => Promise<void>> = {
  chats: async (w) => {
    await w.goto('/')
    await expect(w.page.getByRole('link', { name: /The attic/ })).toBeVisible()
  },
  chat: async (w, uri) => {
    await w.goto(`/c/${uri}`)
    await expect(w.message('an answer')).toBeVisible()
  },
  details: async (w, uri) => {
    await w.goto(`/c/${uri}/details`)
    await expect(w.page.locator('[data-region="details"]')).toContainText('2 members')
  },
  settings: async (w) => {
    await w.goto('/settings')
    await expect(w.page.getByText('This one', { exact: true })).toBeVisible()
  },
  join: async (w) => {
    await w.goto('/j/000000000000000')
    await expect(w.page.getByRole('heading', { name: 'This link doesn’t work' })).toBeVisible()
  },
  nowhere: async (w) => {
    await w.goto('/nowhere/at/all')
    await expect(w.page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible()
  },
}

const dialogs: Record<string, (w: Window, uri: string) => Promise<void>> = {
  switcher: async (w, uri) => {
    await screens.chat!(w, uri)
    await w.page.keyboard.press('Control+k')
    await w.page.getByRole('combobox').fill('attic')
    await expect(w.page.getByRole('option')).not.toHaveCount(0)
  },
  shortcuts: async (w, uri) => {
    await screens.chat!(w, uri)
    await w.page.getByRole('region', { name: 'Messages' }).focus()
    await w.page.keyboard.press('?')
    await expect(w.page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
  },
  emoji: async (w, uri) => {
    await screens.chat!(w, uri)
    await w.page.getByRole('button', { name: 'Insert emoji' }).click()
    await expect(w.page.getByRole('dialog').getByRole('button', { name: 'thumbs up', exact: true })).toBeVisible()
  },
  confirm: async (w, uri) => {
    await screens.details!(w, uri)
    await w.page.getByRole('button', { name: 'Delete chat' }).click()
    await expect(w.page.getByRole('dialog')).toBeVisible()
  },
  menu: async (w, uri) => {
    await screens.chat!(w, uri)
    await w.message('an answer').click()
    await w.message('an answer').getByRole('button', { name: 'More', exact: true }).click()
    await expect(w.page.getByRole('menu')).toBeVisible()
  },
  'sign in again': async (w) => {
    await w.goto('/')
    await w.page.route(/\/auth\/me\//, (r) => r.fulfill({ status: 401, json: { detail: 'Invalid token.' } }))
    await w.page.reload()
    await expect(w.page.getByRole('dialog', { name: 'Sign in again' })).toBeVisible()
  },
}

const signedOut: Record<string, (w: Window) => Promise<void>> = {
  'sign-in': (w) => w.goto('/signin'),
  'sign-up': async (w) => {
    await w.goto('/signup')
    await w.page.getByLabel('Username').fill('a b')
    await w.page.getByLabel('Password', { exact: true }).fill('short')
    await w.page.getByRole('button', { name: 'Create account' }).click()
    await expect(w.page.getByRole('alert').first()).toBeVisible()
  },
  forgot: (w) => w.goto('/forgot'),
  reset: (w) => w.goto('/reset/MQ/code'),
}

async function world(site: Site): Promise<{ ada: Person; uri: string }> {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('The attic', bob)
  const seq = await ada.say(uri, 'A question with `code`, a [link](https://example.com) and **more**?')
  await bob.say(uri, 'an answer', { reply_to: seq })
  await bob.say(uri, `and a mention of @${ada.name}\n\n- one\n- two\n\n> quoted\n\n\`\`\`\nblock\n\`\`\``)
  await bob.call('PUT', `/api/chats/${uri}/messages/${seq}/reactions/${encodeURIComponent('👍')}/`)
  await ada.call('POST', `/api/chats/${uri}/invites/`, { max_uses: 5 })
  return { ada, uri }
}

async function axe(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze()
  expect(violations.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([])
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [390, 1440]) {
    test(`35 axe finds nothing, ${colorScheme}, ${width} px`, async ({ windows, site }) => {
      test.setTimeout(180_000)
      const { ada, uri } = await world(site)
      const options = { colorScheme, viewport: { width, height: 850 } }
      const w = await windows.open(ada, options)
      for (const [name, open] of Object.entries({ ...screens, ...dialogs })) {
        await open(w, uri)
        await axe(w.page, name)
      }
      const out = await windows.open(null, options)
      for (const [name, open] of Object.entries(signedOut)) {
        await open(out)
        await axe(out.page, name)
      }
      windows.complaints.splice(0, Infinity, ...windows.complaints.filter((c) => !/trusted|Trusted/.test(c))) // of what axe does
    })
  }
}

test('33 can be used with the keyboard only', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  await ada.open('The attic')
  await ada.open('The cellar')
  const w = await windows.open(null)
  const { page } = w
  await w.goto('/')
  await expect(page.getByRole('heading', { name: 'Welcome back' })).toBeVisible()
  await tabTo(page, page.getByLabel('Username'))
  await page.keyboard.type(ada.name)
  await tabTo(page, page.getByLabel('Password', { exact: true }))
  await page.keyboard.type(password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('link', { name: /The attic/ })).toBeVisible()

  await page.keyboard.press('Control+k')
  await expect(page.getByRole('combobox')).toBeFocused()
  await page.keyboard.type('attic')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'The attic' })).toBeVisible()
  await expect(w.compose).toBeFocused()
  await page.keyboard.type('x'.repeat(2_501))
  await page.keyboard.press('Enter')
  await page.keyboard.type('hello')
  await page.keyboard.press('Enter')
  await expect(w.message('hello').getByText('Delivered')).toBeAttached()

  const again = page.locator('article').getByRole('button', { name: 'Try again' })
  await expect(again).toBeVisible()
  await tabTo(page, again)
  await page.keyboard.press('Enter')
  await expect(page.locator('article').getByText('Not sent.')).toBeVisible()
  const discard = page.locator('article').getByRole('button', { name: 'Discard' })
  await tabTo(page, discard)
  await page.keyboard.press('Enter')
  await expect(page.getByText('Not sent.')).toHaveCount(0)
  await focused(page)

  // Arrows go from message to message, and a key answers.
  await tabTo(page, w.message('hello'))
  await page.keyboard.press('r')
  await expect(page.getByText(`Reply to ${ada.name}`)).toBeVisible()
  await expect(w.compose).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.getByText(`Reply to ${ada.name}`)).toHaveCount(0)

  const details = page.getByRole('button', { name: 'Chat details' })
  await tabTo(page, details)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('complementary', { name: 'Chat details' })).toBeVisible()
  await focused(page)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('complementary', { name: 'Chat details' })).toHaveCount(0)
  await expect(details).toBeFocused()

  await page.keyboard.press('Alt+ArrowDown')
  await page.keyboard.press('Alt+ArrowUp')
  await focused(page)
  await tabTo(page, page.getByRole('link', { name: 'Settings' }))
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByRole('button', { name: 'Sign out', exact: true }).first())
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Welcome back' })).toBeVisible()
})

/** Presses Tab until something has the focus; whatever has it on the way can be seen. */
async function tabTo(page: Page, to: import('@playwright/test').Locator): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    if (await to.evaluate((e) => e === document.activeElement)) {
      const seen = await to.evaluate((e) => {
        const s = getComputedStyle(e)
        const box = e.closest('.box') ?? e
        return s.outlineStyle !== 'none' || getComputedStyle(box).boxShadow !== 'none'
      })
      expect(seen).toBe(true)
      return
    }
  }
  throw new Error(`Tab does not come to ${to}`)
}

async function focused(page: Page): Promise<void> {
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).not.toBe('BODY')
}

for (const [what, width, zoom] of [['320 px', 320, 1], ['400 %', 1280, 4]] as const) {
  test(`37 needs no scrolling aside at ${what}`, async ({ windows, site }) => {
    const { ada, uri } = await world(site)
    const w = await windows.open(ada, { viewport: { width: width / zoom, height: 640 / zoom + 200 } })
    for (const [name, open] of Object.entries(screens)) {
      await open(w, uri)
      expect(await w.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), name).toBeLessThanOrEqual(0)
    }
    await w.goto('/')
    await w.page.getByRole('link', { name: /The attic/ }).click()
    await expect(w.page.getByRole('link', { name: 'Back to chats' })).toBeVisible()
    await expect(w.page.getByRole('navigation')).toBeHidden()
    await w.page.goBack()
    await expect(w.page.getByRole('navigation')).toBeVisible()
  })
}

test('39 does not move for those who want that', async ({ windows, site }) => {
  const { ada, uri } = await world(site)
  const w = await windows.open(ada, { reducedMotion: 'reduce' })
  for (const open of Object.values(screens)) {
    await open(w, uri)
    expect(await w.page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running').length)).toBe(0)
  }
})

test('45 has room for longer words, from right to left', async ({ windows, site }) => {
  const { ada, uri } = await world(site)
  const w = await windows.open(ada)
  await w.goto('/')
  await w.page.evaluate(() => localStorage.setItem('chatire.settings', JSON.stringify({ locale: 'pseudo' })))
  for (const width of [1440, 390]) {
    await w.page.setViewportSize({ width, height: 900 })
    for (const path of ['/', `/c/${uri}`, `/c/${uri}/details`, '/settings', '/j/000000000000000']) {
      await w.goto(path)
      await expect(w.page.locator('html')).toHaveAttribute('dir', 'rtl')
      await w.page.waitForTimeout(400)
      expect(await clipped(w.page), `${path} at ${width}`).toEqual([])
      expect(await w.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${path} at ${width}`).toBeLessThanOrEqual(0)
    }
  }
  // The list is on the right, and one's own messages are on the left.
  await w.page.setViewportSize({ width: 1440, height: 900 })
  await w.goto(`/c/${uri}`)
  const side = await w.page.getByRole('complementary').first().boundingBox()
  expect(side!.x).toBeGreaterThan(1_000)
  const own = await w.message('A question').first().locator('.bubble').boundingBox()
  const other = await w.message('an answer').locator('.bubble').boundingBox()
  expect(own!.x).toBeLessThan(other!.x)
})

/** Labels of controls whose text does not fit into them. */
function clipped(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, .btn, h1, h2, h3, label, [role="radio"], [role="tab"]')]
      .filter((e) => e.offsetParent !== null && !e.closest('.sr') && getComputedStyle(e).textOverflow !== 'ellipsis' && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 4) && getComputedStyle(e).display !== 'inline')
      .map((e) => `${e.tagName} ${e.className} ${e.textContent?.trim().slice(0, 40)}`),
  )
}

test('speaks another language whole', async ({ windows, site }) => {
  const { ada, uri } = await world(site)
  const w = await windows.open(ada, { locale: 'de-DE' })
  await w.goto(`/c/${uri}/details`)
  await expect(w.page.getByRole('button', { name: 'Einladen' })).toBeVisible()
  await expect(w.page.locator('html')).toHaveAttribute('lang', 'de')
  await expect(w.page.getByText('2 Mitglieder').first()).toBeVisible()
  await w.goto('/settings')
  await w.page.getByLabel('Sprache').selectOption('English')
  await expect(w.page.getByRole('heading', { level: 1, name: 'Settings' })).toBeVisible()
})

test('tells screen readers of messages, together where many come', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('', bob)
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  await expect(w.page.getByTestId('members')).toHaveText(/online/)
  await bob.say(uri, 'just one')
  await expect(w.page.getByRole('status').filter({ hasText: `${bob.name} said: just one` })).toBeAttached()
  await Promise.all([1, 2, 3, 4].map((n) => bob.say(uri, `of many ${n}`)))
  await expect(w.page.getByRole('status').filter({ hasText: '4 new messages' })).toBeAttached()
  await expect(w.page.getByRole('region', { name: 'Messages' })).not.toHaveAttribute('aria-live', /./)
})

test('can be installed', async ({ site }) => {
  const manifest = (await (await fetch(`${site.origin}/app.webmanifest`)).json()) as { icons: { src: string; sizes: string }[]; start_url: string; display: string }
  expect(manifest).toMatchObject({ start_url: '/', display: 'standalone' })
  for (const size of ['192x192', '512x512']) {
    const icon = manifest.icons.find((i) => i.sizes === size)!
    const answer = await fetch(site.origin + icon.src)
    expect(answer.headers.get('Content-Type')).toBe('image/png')
    const png = Buffer.from(await answer.arrayBuffer())
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`).toBe(size)
  }
})

