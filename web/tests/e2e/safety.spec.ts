import { expect, password, signUp, test } from '../fixtures'

const payloads = [
  '&#60;b&#62; &lt;i&gt; &amp;',   '<img src=x onerror="alert(1)">', '<script>alert(1)</script>', '[x](javascript:alert(1))', '<svg/onload=alert(1)>', '[data](data:text/html,<script>alert(1)</script>)',
  '{{7*7}} ${7*7} </textarea><b>bold</b>', '![pic](https://evil.example/x.png)', '<a href="javascript:alert(1)">a</a>', '[ref]\n\n[ref]: javascript:alert(1)', '<https://evil.example/"onmouseover="alert(1)>',
  '\u202egnp.exe', 'e' + '\u0301'.repeat(500), '\u001b[31mred', '<iframe srcdoc="<script>alert(1)</script>">', '`<b>`\n```html\n<img src=x onerror=alert(1)>\n```',
]

test('25 shows payloads as text, everywhere', async ({ windows, site }) => {
  const [ada, bob] = [await signUp(site, 'ada'), await signUp(site, 'bob')]
  const uri = await ada.open('<img src=x onerror=alert(1)>', bob)
  for (const p of payloads) await bob.say(uri, p)
  const w = await windows.open(ada)
  const csp: string[] = []
  await w.page.exposeFunction('violated', (what: string) => csp.push(what))
  await w.page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => (window as unknown as { violated: (s: string) => void }).violated(`${e.violatedDirective} ${e.blockedURI}`)))
  await w.page.setViewportSize({ width: 1440, height: 2_400 })
  await w.goto(`/c/${uri}`)
  await expect(w.message('onload=alert(1)')).toBeVisible()
  for (const p of payloads.slice(0, 6)) await expect(w.messages.filter({ hasText: p }).first()).toBeVisible()
  await expect(w.page.getByRole('heading', { level: 1 })).toHaveText('<img src=x onerror=alert(1)>')
  const made = await w.page.evaluate(() => ({
    scripts: [...document.querySelectorAll('article script, article img, article svg[onload], article iframe, article b:not(.who b)')].length,
    links: [...document.querySelectorAll<HTMLAnchorElement>('article a')].map((a) => a.protocol),
    handlers: [...document.querySelectorAll('article *')].filter((e) => [...e.attributes].some((x) => x.name.startsWith('on'))).length,
  }))
  expect(made.scripts).toBe(0)
  expect(made.handlers).toBe(0)
  expect(made.links.filter((p) => !['http:', 'https:', 'mailto:'].includes(p))).toEqual([])
  await w.page.keyboard.press('Control+k')
  await expect(w.page.getByRole('combobox')).toBeFocused()
  await w.page.keyboard.type('<img')
  await expect(w.page.getByRole('option').first()).toContainText('<img src=x onerror=alert(1)>')
  expect(csp).toEqual([])
})

test('25 refuses such a name, and shows the refusal as text', async ({ windows }) => {
  const w = await windows.open(null)
  await w.goto('/signup')
  await w.page.getByLabel('Username').fill('<img src=x onerror=alert(1)>')
  await w.page.getByLabel('Password', { exact: true }).fill(password)
  await w.page.getByRole('button', { name: 'Create account' }).click()
  await expect(w.page.getByLabel('Username')).toHaveAttribute('aria-invalid', 'true')
})

test('26 opens links apart, without a word of where they were', async ({ windows, site }) => {
  const ada = await signUp(site, 'ada')
  const uri = await ada.open()
  await ada.say(uri, 'see https://example.com/a?b=c and [mail](mailto:a@example.com) and www.example.org and [ftp](ftp://example.com/x)')
  const w = await windows.open(ada)
  await w.goto(`/c/${uri}`)
  const links = w.page.locator('article a')
  await expect(links).toHaveCount(3)
  for (const link of await links.all()) {
    await expect(link).toHaveAttribute('rel', 'noopener noreferrer nofollow')
    await expect(link).toHaveAttribute('target', '_blank')
    expect(await link.getAttribute('href')).toMatch(/^(https?:|mailto:)/)
  }
  await expect(w.message('see')).toContainText('[ftp](ftp://example.com/x)')
})

test('46 answers with a strict policy, which holds', async ({ windows, site }) => {
  const answer = await fetch(site.origin)
  const policy = answer.headers.get('Content-Security-Policy') ?? ''
  expect(policy).toContain("script-src 'self'")
  expect(policy).toContain("require-trusted-types-for 'script'")
  expect(policy).not.toContain('unsafe')
  expect(answer.headers.get('Referrer-Policy')).toBe('no-referrer')
  const w = await windows.open(null)
  await w.goto('/signin')
  const blocked = await w.page.evaluate(() => {
    try {
      document.body.innerHTML = '<b>no</b>'
      return 'let through'
    } catch (e) {
      return (e as Error).name
    }
  })
  expect(blocked).toBe('TypeError')
  expect(await w.page.evaluate(() => fetch('https://evil.example/').then(() => 'let through', () => 'blocked'))).toBe('blocked')
  windows.complaints.splice(0) // of what was tried here
})
