import { createI18n, type Composer } from 'vue-i18n'
import en from './en/start.json'

/** The languages that there is a whole catalogue of. */
export const locales = { en: 'English', de: 'Deutsch' } as const

type Locale = keyof typeof locales

/** Catalogues come in two parts: what one sees before signing in, and the rest. */
const parts = {
  en: { start: () => Promise.resolve({ default: en }), app: () => import('./en/app.json') },
  de: { start: () => import('./de/start.json'), app: () => import('./de/app.json') },
}

/** The language to begin with: what was chosen, else what the browser prefers. */
export function pickLocale(chosen: string): Locale | 'pseudo' {
  if (chosen === 'pseudo') return 'pseudo' // for tests
  for (const wish of [chosen, ...navigator.languages]) {
    const language = wish.split('-')[0]
    if (language && language in locales) return language as Locale
  }
  return 'en'
}

export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: {} })

const composer = i18n.global as unknown as Composer

let current: Locale | 'pseudo' = 'en'
let whole = false

async function load(): Promise<void> {
  const from = parts[current === 'pseudo' ? 'en' : current]
  const texts = await Promise.all([from.start(), ...(whole ? [from.app()] : [])])
  for (const text of texts) composer.mergeLocaleMessage(current, text.default)
}

/** Changes the language of the page. */
export async function setLocale(locale: Locale | 'pseudo'): Promise<void> {
  current = locale
  await load()
  composer.setPostTranslationHandler(locale === 'pseudo' ? (text) => (typeof text === 'string' ? pseudo(text) : text) : null)
  composer.locale.value = locale
  document.documentElement.lang = locale === 'pseudo' ? 'en' : locale
  document.documentElement.dir = locale === 'pseudo' ? 'rtl' : 'ltr'
}

/** Loads what is said to those who have signed in. */
export async function loadWhole(): Promise<void> {
  if (whole) return
  whole = true
  await load()
}

/** Makes a text a third longer, and strange. */
function pseudo(text: string): string {
  return `[${text.replace(/[aeiou]/g, (c) => `${c}\u0301`)}${text.length > 12 ? ' ~~~~'.repeat(Math.ceil(text.length / 15)) : '~'.repeat(Math.ceil(text.length / 3))}]`
}
