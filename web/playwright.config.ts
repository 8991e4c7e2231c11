import { defineConfig } from '@playwright/test'
import { fileURLToPath } from 'node:url'

// The browser is the system's own: set CHATIRE_TEST_CHROMIUM for another one.
export default defineConfig({
  testDir: fileURLToPath(new URL('tests/e2e', import.meta.url)),
  outputDir: 'test-results',
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    trace: 'off',
    testIdAttribute: 'data-test',
    launchOptions: {
      executablePath: process.env.CHATIRE_TEST_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
    },
  },
})
