import { fileURLToPath } from 'node:url'
import { expect, signUp, test, type Person, type Window } from '../fixtures'
import { startOne, type Site } from '../servers'

const folder = fileURLToPath(new URL('../../../docs/screens/', import.meta.url))

interface World {
  tunde: Person
  uri: string
  link: string
}

/** A small world, the same each time but for its uris. */
async function makeWorld(site: Site): Promise<World> {
  const [mina, sofia, tunde, jonas, amara, priya, leo, yuki] = await Promise.all(['Mina', 'Sofia', 'Tunde', 'Jonas', 'Amara', 'Priya', 'Leo', 'Yuki'].map((n) => signUp(site, n, false)))
  const lagos = await sofia!.open('Lagos trip 2027', tunde!, leo!)
  await sofia!.say(lagos, 'I found a place near the beach')
  const flat = await priya!.open('Flat 12B', leo!, tunde!)
  await leo!.say(flat, 'The plumber is coming on Tuesday')
  await tunde!.call('PUT', `/api/chats/${flat}/notify/`, { notify: 'none' })
  const thanks = await jonas!.open('', tunde!)
  await jonas!.say(thanks, 'Thanks, that fixed it')
  const book = await yuki!.open('Book club: Piranesi', amara!, tunde!)
  await tunde!.say(book, 'Chapter 4 completely got me')
  const ride = await leo!.open('Sunday ride', yuki!, tunde!)
  await leo!.say(ride, 'Same route as last week?')
  const photos = await amara!.open('', tunde!)
  await amara!.say(photos, 'Did you see the photos? 😍')
  const release = await jonas!.open('Release 1.0', priya!, tunde!)
  for (const text of ['The notes are ready', 'Docs are built', 'One test is red', 'Smoke tests are green on the new build']) await priya!.say(release, text)

  const uri = await mina!.open('Saturday market stall', sofia!, tunde!, jonas!, amara!)
  const pitch = await sofia!.say(uri, 'The organisers moved us: we’re at **pitch 14** now, right next to the fountain. Load-in is from 06:45.')
  await tunde!.say(uri, 'Good spot. I can bring the van, so we only need one trip.')
  await mina!.say(uri, 'Morning! Here’s what still needs an owner:\n\n- Card reader and the float\n- Signs (A3, two of them)\n- Ice, at least 20 kg')
  const loaves = await mina!.say(uri, 'The baker confirmed 48 loaves 🥖')
  for (const p of [sofia!, amara!]) await p.call('PUT', `/api/chats/${uri}/messages/${loaves}/reactions/${encodeURIComponent('🎉')}/`)
  const mine = await tunde!.say(uri, 'I’ll do the card reader. It’s `SumUp-3F`, already charged.')
  for (const p of [mina!, sofia!, jonas!, amara!]) await p.call('PUT', `/api/chats/${uri}/read/`, { seq: mine })
  await jonas!.say(uri, 'I can print the signs at work. Is this the right file? https://files.harbourmarket.example/signage.pdf')
  await sofia!.say(uri, 'Yes, that’s the one. @Tunde could you grab the ice on the way?')
  await sofia!.say(uri, 'Perfect, see you at 7', { reply_to: pitch })
  const other = await mina!.open('Harbour festival', sofia!, jonas!)
  return { tunde: tunde!, uri, link: other }
}

const open = async (w: Window, uri: string) => {
  await w.goto(`/c/${uri}`)
  await expect(w.message('Perfect, see you at 7')).toBeVisible()
}

type Shot = (w: Window, world: World) => Promise<void>

const signedIn: Record<string, Shot> = {
  list: async (w) => {
    await w.goto('/')
    await expect(w.page.getByRole('link', { name: /Lagos/ })).toBeVisible()
  },
  chat: (w, { uri }) => open(w, uri),
  history: async (w, { uri }) => {
    await open(w, uri)
    await w.page.setViewportSize({ width: w.page.viewportSize()!.width, height: 560 })
    await w.page.getByRole('region', { name: 'Messages' }).evaluate((e) => (e.scrollTop -= 260))
    await expect(w.page.getByRole('button', { name: 'Latest messages' })).toBeVisible()
    await w.compose.fill('I can do 20 kg, the depot opens at 6')
    await w.page.waitForTimeout(400)
  },
  message: async (w, { uri }) => {
    await open(w, uri)
    await w.message('The baker').click()
    await expect(w.page.getByRole('button', { name: 'React' })).toBeVisible()
  },
  reply: async (w, { uri }) => {
    await open(w, uri)
    await w.message('could you grab').click()
    await w.page.getByRole('button', { name: 'Reply' }).click()
    await w.compose.fill('Sure, @M')
    await w.compose.press('i')
    await expect(w.page.getByRole('option', { name: 'Mina' })).toBeVisible()
  },
  details: async (w, { uri }) => {
    await w.goto(`/c/${uri}/details`)
    await expect(w.page.getByText('5 members').last()).toBeVisible()
  },
  emoji: async (w, { uri }) => {
    await open(w, uri)
    await w.page.getByRole('button', { name: 'Insert emoji' }).click()
    await w.page.getByRole('button', { name: 'Smileys' }).click()
    await expect(w.page.getByRole('dialog').getByRole('button').nth(30)).toBeVisible()
  },
  switcher: async (w, { uri }) => {
    await open(w, uri)
    await w.page.keyboard.press('Control+k')
    await w.page.getByRole('combobox').fill('sa')
    await expect(w.page.getByRole('option')).not.toHaveCount(0)
    await w.page.waitForTimeout(500)
  },
  shortcuts: async (w, { uri }) => {
    await open(w, uri)
    await w.page.getByRole('region', { name: 'Messages' }).focus()
    await w.page.keyboard.press('?')
    await expect(w.page.getByRole('dialog')).toBeVisible()
  },
  settings: async (w) => {
    await w.goto('/settings')
    await expect(w.page.getByText('This one', { exact: true })).toBeVisible()
  },
  join: async (w, { link }) => {
    await w.goto(`/j/${link}`)
    await expect(w.page.getByRole('button', { name: 'Join chat' })).toBeVisible()
  },
  'join-dead': async (w) => {
    await w.goto('/j/000000000000000')
    await expect(w.page.getByRole('heading', { name: 'This link' })).toBeVisible()
  },
  loading: async (w, { uri }) => {
    await w.page.route(/\/events\//, () => {})
    await w.goto(`/c/${uri}`)
    await expect(w.page.locator('.bone').first()).toBeVisible()
  },
  failed: async (w, { uri }) => {
    await w.page.route(/\/events\//, (r) => r.fulfill({ status: 500, json: {} }))
    await w.goto(`/c/${uri}`)
    await expect(w.page.getByRole('alert')).toBeVisible()
  },
  offline: async (w, { uri }) => {
    await open(w, uri)
    await w.send('x'.repeat(2_600))
    await expect(w.page.locator('article').getByText('Not sent.')).toBeVisible()
    await w.page.evaluate(() => {
      for (const key of Object.keys(localStorage).filter((k) => k.includes('.outbox.'))) localStorage.setItem(key, localStorage.getItem(key)!.replace(/x{2600}/, 'On it. Two tubs or three?'))
      dispatchEvent(new StorageEvent('storage', { key: null }))
    })
    await w.context.setOffline(true)
    await w.send('Also bringing the folding table')
    await expect(w.page.locator('article').getByText('Waiting for connection')).toBeVisible()
    await expect(w.page.getByText('You’re offline.')).toBeVisible()
  },
  'sign-in-again': async (w, { uri }) => {
    await open(w, uri)
    await w.page.route(/\/auth\/me\//, (r) => r.fulfill({ status: 401, json: { detail: 'Invalid token.' } }))
    await w.page.reload()
    await expect(w.page.getByRole('dialog')).toBeVisible()
  },
}

const others: Record<string, Shot> = {
  'sign-in': (w) => w.goto('/signin'),
  'sign-up': async (w) => {
    await w.goto('/signup')
    await w.page.getByLabel('Username').fill('Tunde')
    await w.page.getByLabel('Password', { exact: true }).fill('market stall at seven')
    await w.page.getByRole('button', { name: 'Create account' }).click()
    await expect(w.page.getByRole('alert')).toBeVisible()
  },
  forgot: (w) => w.goto('/forgot'),
  nowhere: (w) => w.goto('/nowhere'),
}

test.describe('screens', () => {
  let site: Site
  let world: World

  test.beforeAll(async () => {
    site = await startOne()
    world = await makeWorld(site)
  })
  test.afterAll(() => site.stop())

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [390, 1440]) {
      test(`${colorScheme}, ${width} px`, async ({ browser }) => {
        const { Windows } = await import('../fixtures')
        const windows = new Windows(browser, site)
        const options = { colorScheme, viewport: { width, height: width === 390 ? 844 : 900 }, reducedMotion: 'reduce' as const, deviceScaleFactor: 1 }
        const newcomer = await signUp(site, `Ines-${colorScheme}-${width}`, false)
        const all: [string, Shot, Person | null][] = [
          ...Object.entries(others).map(([n, s]): [string, Shot, null] => [n, s, null]),
          ['empty', async (w) => (await w.goto('/'), await expect(w.page.getByRole('heading', { name: /Welcome/ })).toBeVisible()), newcomer],
          ...Object.entries(signedIn).map(([n, s]): [string, Shot, Person] => [n, s, world.tunde]),
        ]
        for (const [name, shoot, who] of all) {
          // Reading moves the divider, so nobody reads here.
          const w = await windows.open(who, options)
          await w.page.route(/\/read\/$/, (r) => (r.request().method() === 'PUT' ? r.fulfill({ status: 204 }) : r.continue()))
          await shoot(w, world)
          await w.page.waitForTimeout(500)
          await w.page.evaluate(() => document.fonts.ready)
          await w.page.screenshot({ path: `${folder}${name}-${width}-${colorScheme}.jpg`, type: 'jpeg', quality: 84, animations: 'disabled', caret: 'hide' })
          await w.context.close()
        }
        await windows.close()
      })
    }
  }
})
