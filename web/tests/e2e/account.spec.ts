import { expect, password, signUp, test, Windows } from '../fixtures'
import { startOne } from '../servers'

test.describe('signing up and in', () => {
  test('1 signs up with valid data and lands in the app', { tag: '@smoke' }, async ({ windows }) => {
    const { page, goto } = await at(windows)
    await goto('/signup')
    await page.getByLabel('Username').fill(`newcomer${Date.now()}`)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Create account' }).click()
    await expect(page.getByRole('main').getByRole('button', { name: 'Start chatting' })).toBeVisible()
    await expect(page.getByRole('dialog')).toHaveCount(0)
  })

  test('2 says under the field that a name is taken, and keeps the rest', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const { page, goto } = await at(windows)
    await goto('/signup')
    await page.getByLabel('E-mail').fill('ada@example.com')
    await page.getByLabel('Username').fill(ada.name)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Create account' }).click()
    await expect(page.getByLabel('Username')).toHaveAttribute('aria-invalid', 'true')
    await expect(page.getByLabel('Username')).toBeFocused()
    await expect(page.getByLabel('Username')).toHaveAccessibleDescription(/exists/)
    await expect(page.getByLabel('E-mail')).toHaveValue('ada@example.com')
    await expect(page.getByLabel('Password', { exact: true })).toHaveValue(password)
  })

  test('3 says once that a password is wrong', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const { page, goto } = await at(windows)
    await goto('/signin')
    await page.evaluate(() => Object.assign(window, { kept: true }))
    await page.getByLabel('Username').fill(ada.name)
    await page.getByLabel('Password', { exact: true }).fill('wrong-horse-9')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toHaveCount(1)
    await expect(page.getByLabel('Password', { exact: true })).toBeFocused()
    expect(await page.evaluate(() => 'kept' in window)).toBe(true)
  })

  test('shows a password on request', async ({ windows }) => {
    const { page, goto } = await at(windows)
    await goto('/signin')
    await page.getByLabel('Password', { exact: true }).fill('visible')
    await page.getByRole('button', { name: 'Show password' }).click()
    await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('type', 'text')
  })

  test('4 comes back to a link after signing in, and only to one of ours', { tag: '@smoke' }, async ({ windows, site }) => {
    const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
    const uri = await ada.open('The attic')
    const { page, goto } = await at(windows)
    await goto(`/j/${uri}`)
    await page.getByLabel('Username').fill(bob.name)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page).toHaveURL(new RegExp(`/j/${uri}$`))
    await expect(page.getByRole('heading', { name: 'The attic' })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Join chat' })).toBeVisible()

    for (const evil of ['//evil.example', 'https://evil.example', '/\\evil.example', '/nowhere']) {
      await goto(`/signin?next=${encodeURIComponent(evil)}`)
      await expect(page).toHaveURL(`${site.origin}/`)
    }
  })

  test('5 is kind about a link that leads nowhere', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const w = await windows.open(ada)
    for (const path of ['/j/000000000000000', '/j/nonsense', '/i/AAAAAAAAAAAAAAAAAAAAAAAAAA']) {
      await w.goto(path)
      await expect(w.page.getByRole('heading', { name: 'This link doesn’t work' })).toBeVisible()
      await expect(w.page.locator('.spin, .bone')).toHaveCount(0)
    }
  })

  test('asks for a link to set a new password, and sets one', async ({ windows, site }) => {
    const { page, goto } = await at(windows)
    await goto('/signin')
    await page.getByRole('link', { name: 'Forgot it?' }).click()
    await page.getByLabel('E-mail').fill('nobody@example.com')
    await page.getByRole('button', { name: 'Send the link' }).click()
    await expect(page.getByText('a link is on its way').or(page.getByRole('alert'))).toBeVisible()
    await page.goto(`${site.origin}/reset/MQ/bad-code`)
    await page.getByLabel('New password').fill('another-horse-9')
    await page.getByRole('button', { name: 'Set password' }).click()
    await expect(page.getByRole('alert')).toBeVisible()
  })
})

test('asks to accept terms where there are some', async ({ browser }) => {
  const site = await startOne({ CHATIRE_TERMS_URL: 'https://example.com/terms' })
  const windows = new Windows(browser, site)
  const { page, goto } = await at(windows)
  await goto('/signup')
  await page.getByLabel('Username').fill('newcomer')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await expect(page.getByRole('button', { name: 'Create account' })).toBeDisabled()
  await expect(page.getByRole('link', { name: 'terms of use' })).toHaveAttribute('href', 'https://example.com/terms')
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Create account' }).click()
  await expect(page.getByRole('main').getByRole('button', { name: 'Start chatting' })).toBeVisible()
  expect(windows.complaints).toEqual([])
  await windows.close()
  await site.stop()
})

test('sets a new password with the link of a mail', async ({ browser }) => {
  const site = await startOne({ CHATIRE_LOG_LEVEL: 'info' }) // without SMTP mails are logged
  const windows = new Windows(browser, site)
  const ada = await signUp(site, 'ada')
  await ada.call('PATCH', '/auth/me/', { email: 'ada@example.com' })
  const { page, goto } = await at(windows)
  await goto('/forgot')
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByRole('status').filter({ hasText: 'a link is on its way' })).toBeVisible()
  const link = () => /\/reset\/\w+\/[\w-]+/.exec(site.said!())?.[0]
  await expect.poll(link).toBeTruthy()
  await goto(link()!)
  await page.getByLabel('New password').fill('short')
  await page.getByRole('button', { name: 'Set password' }).click()
  await expect(page.getByLabel('New password')).toHaveAttribute('aria-invalid', 'true')
  await page.getByLabel('New password').fill('battery-staple-7')
  await page.getByRole('button', { name: 'Set password' }).click()
  await expect(page.getByRole('status').filter({ hasText: 'Your password is set' })).toBeVisible()
  await page.getByRole('link', { name: 'Back to signing in' }).click()
  await page.getByLabel('Username').fill(ada.name)
  await page.getByLabel('Password', { exact: true }).fill('battery-staple-7')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('main').getByRole('button', { name: 'Start chatting' })).toBeVisible()
  expect(windows.complaints).toEqual([])
  await windows.close()
  await site.stop()
})

test.describe('the end of a sign-in', () => {
  test('21 is handled in place, and a message goes out once', async ({ windows, site }) => {
    const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
    const uri = await ada.open('', bob)
    const w = await windows.open(ada)
    await w.goto(`/c/${uri}`)
    await w.send('before')
    await expect(w.message('before').getByText('Delivered')).toBeAttached()
    await w.compose.fill('a draft that stays')
    const other = await ada.signIn()
    await endOthers(site.origin, other)
    await expect(w.page.getByRole('dialog', { name: 'Sign in again' })).toBeVisible()
    await w.page.getByLabel('Password', { exact: true }).fill('wrong')
    await w.page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click()
    await expect(w.page.getByRole('dialog').getByRole('alert')).toBeVisible()
    await w.page.getByLabel('Password', { exact: true }).fill(password)
    await w.page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click()
    await expect(w.page.getByRole('dialog')).toHaveCount(0)
    await expect(w.compose).toHaveValue('a draft that stays')
    await w.compose.press('Enter')
    await expect(w.message('a draft that stays').getByText('Delivered')).toBeAttached()
    expect((await bob.history(uri)).filter((m) => m.message === 'a draft that stays')).toHaveLength(1)
  })

  test('21 keeps what waits to be sent', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const uri = await ada.open()
    const w = await windows.open(ada)
    await w.goto(`/c/${uri}`)
    await expect(w.compose).toBeVisible()
    await w.page.routeWebSocket(/\/ws\//, () => {}) // no close code comes: the answer to the post tells
    await w.context.setOffline(true)
    await w.send('kept through it all')
    const other = await ada.signIn()
    await endOthers(site.origin, other)
    await w.context.setOffline(false)
    await expect(w.page.getByRole('dialog', { name: 'Sign in again' })).toBeVisible()
    await w.page.getByLabel('Password', { exact: true }).fill(password)
    await w.page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click()
    await expect(w.page.getByRole('dialog')).toHaveCount(0)
    ada.token = ''
    ada.token = await ada.signIn()
    await expect.poll(async () => (await ada.history(uri)).map((m) => m.message)).toEqual(['kept through it all'])
  })

  test('22 makes no loop of connections', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const w = await windows.open(ada)
    let connections = 0
    w.page.on('websocket', () => connections++)
    await w.goto('/')
    await expect(w.page.getByText('Online', { exact: true })).toBeVisible()
    const other = await ada.signIn()
    await endOthers(site.origin, other)
    await expect(w.page.getByRole('dialog', { name: 'Sign in again' })).toHaveCount(1)
    const before = connections
    await w.page.waitForTimeout(3_000)
    expect(connections).toBe(before)
    await expect(w.page.getByRole('dialog')).toHaveCount(1)
  })

  test('23 leaves nothing on the device after signing out, in any tab', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const uri = await ada.open()
    const w = await windows.open(ada)
    const second = await windows.window(w.context)
    await w.goto(`/c/${uri}`)
    await second.goto('/')
    await expect(second.page.getByText('Online', { exact: true })).toBeVisible()
    await w.compose.fill('a secret draft')
    await w.context.setOffline(true)
    await w.compose.press('Enter')
    await w.compose.fill('another secret')
    await w.page.waitForTimeout(500)
    expect(await w.page.evaluate(() => JSON.stringify(localStorage))).toContain('secret')
    await w.context.setOffline(false)
    await w.page.getByRole('link', { name: 'Settings' }).click()
    await w.page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
    await expect(w.page).toHaveURL(/\/signin/)
    const out = Date.now()
    await expect(second.page).toHaveURL(/\/signin/)
    console.log(`the other tab was signed out ${Date.now() - out} ms after the first`)
    await w.page.waitForTimeout(600)
    const left = await w.page.evaluate(() => JSON.stringify(localStorage))
    expect(left).not.toContain('secret')
    expect(left).not.toContain(ada.token)
    expect(left).not.toContain('authToken')
    await w.page.goBack()
    await expect(w.page).toHaveURL(/\/signin/)
  })
})

test.describe('settings', () => {
  test('change the address, the name and the password, and list devices', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    await ada.signIn('An old phone')
    const w = await windows.open(ada)
    await w.goto('/settings')
    await w.page.getByLabel('E-mail', { exact: true }).fill('no address')
    await w.page.getByRole('form', { name: 'E-mail address' }).getByRole('button', { name: 'Save' }).click()
    await expect(w.page.getByLabel('E-mail', { exact: true })).toHaveAttribute('aria-invalid', 'true')
    await w.page.getByLabel('E-mail', { exact: true }).fill('ada@example.com')
    await w.page.getByRole('form', { name: 'E-mail address' }).getByRole('button', { name: 'Save' }).click()
    await expect(w.page.getByRole('main').getByText('ada@example.com')).toBeVisible()

    const name = w.page.getByRole('form', { name: 'Name' })
    await name.getByLabel('Username').fill(`${ada.name}-countess`)
    await name.getByLabel('Current password').fill(password)
    await name.getByRole('button', { name: 'Save' }).click()
    await expect(w.page.getByText(`${ada.name}-countess`).first()).toBeVisible()

    await expect(w.page.getByText('An old phone')).toBeVisible()
    await w.page.getByRole('button', { name: 'Sign out An old phone' }).click()
    await expect(w.page.getByText('An old phone')).toHaveCount(0)

    const change = w.page.getByRole('form', { name: 'Password' })
    await change.getByLabel('Current password').fill('wrong')
    await change.getByLabel('New password').fill('battery-staple-7')
    await change.getByRole('button', { name: 'Set password' }).click()
    await expect(change.getByLabel('Current password')).toHaveAttribute('aria-invalid', 'true')
    await change.getByLabel('Current password').fill(password)
    await change.getByRole('button', { name: 'Set password' }).click()
    await expect(w.page.getByText('All other sign-ins have ended')).toBeVisible()
  })

  test('sign out everywhere, and delete the account', async ({ windows, site }) => {
    const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
    const w = await windows.open(ada)
    await w.goto('/settings')
    await w.page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await w.page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click()
    await expect(w.page).toHaveURL(/\/signin/)
    await expect(ada.call('GET', '/auth/me/')).rejects.toThrow('401')

    const v = await windows.open(bob)
    await v.goto('/settings')
    await v.page.getByRole('button', { name: 'Delete account' }).click()
    await v.page.getByRole('dialog').getByLabel('Password', { exact: true }).fill('wrong')
    await v.page.getByRole('dialog').getByRole('button', { name: 'Delete account' }).click()
    await expect(v.page.getByRole('dialog').getByRole('alert')).toBeVisible()
    await v.page.getByRole('dialog').getByLabel('Password', { exact: true }).fill(password)
    await v.page.getByRole('dialog').getByRole('button', { name: 'Delete account' }).click()
    await expect(v.page).toHaveURL(/\/signin/)
    bob.token = ''
    await expect(bob.signIn()).rejects.toThrow('400')
  })

  test('38 are dark before anything is painted', async ({ windows, site }) => {
    const ada = await signUp(site, 'ada')
    const dark = await windows.open(null, { colorScheme: 'dark' })
    await dark.goto('/signin')
    expect(await background(dark.page)).toBe('rgb(20, 22, 29)')
    const w = await windows.open(ada, { colorScheme: 'light' })
    await w.goto('/settings')
    await w.page.getByRole('radio', { name: 'Dark' }).click()
    expect(await background(w.page)).toBe('rgb(20, 22, 29)')
    // The theme is set by the time that the body begins, which is before the first paint.
    await w.page.addInitScript(() => {
      new MutationObserver((_, watcher) => {
        if (!document.body) return
        Object.assign(window, { themeAtBody: document.documentElement.dataset.theme })
        watcher.disconnect()
      }).observe(document, { childList: true, subtree: true })
    })
    await w.page.reload()
    expect(await w.page.evaluate(() => (window as unknown as { themeAtBody: string }).themeAtBody)).toBe('dark')
  })
})

const background = (page: import('@playwright/test').Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor)

async function at(windows: { open: (who: null) => Promise<import('../fixtures').Window> }) {
  const w = await windows.open(null)
  return { page: w.page, goto: (path: string) => w.goto(path) }
}

/** Ends all sign-ins of an account but one. */
async function endOthers(origin: string, token: string): Promise<void> {
  const headers = { Authorization: `Token ${token}` }
  const { tokens } = (await (await fetch(`${origin}/auth/tokens/`, { headers })).json()) as { tokens: { id: number; current: boolean }[] }
  for (const t of tokens) if (!t.current) await fetch(`${origin}/auth/tokens/${t.id}/`, { method: 'DELETE', headers })
}
