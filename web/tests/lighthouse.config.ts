import { defineConfig } from '@playwright/test'
import base from '../playwright.config'

export default defineConfig({ ...base, testDir: 'lighthouse', outputDir: '../test-results', workers: 1, timeout: 300_000 })
