import { createI18n } from 'vue-i18n'
import en from './en.json'

/** The languages that there is a whole catalogue of. */
export const locales = { en: 'English', de: 'Deutsch' } as const

export type Locale = keyof typeof locales

/** The language to begin with: what was chosen, else what the browser prefers. */
export function pickLocale(chosen: string): Locale | 'pseudo' {
  if (chosen === 'pseudo') return 'pseudo' // for tests
  for (const wish of [chosen, ...navigator.languages]) {
    const language = wish.split('-')[0]
    if (language && language in locales) return language as Locale
  }
  return 'en'
}

export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en } as Record<string, typeof en> })

/** Changes the language of the page. */
export async function setLocale(locale: Locale | 'pseudo'): Promise<void> {
  if (locale === 'de') i18n.global.setLocaleMessage('de', (await import('./de.json')).default)
  if (locale === 'pseudo') {
    i18n.global.setLocaleMessage('pseudo', i18n.global.getLocaleMessage('en'))
    i18n.global.setPostTranslationHandler((text) => (typeof text === 'string' ? pseudo(text) : text))
  } else {
    i18n.global.setPostTranslationHandler(null)
  }
  ;(i18n.global.locale as unknown as { value: string }).value = locale
  document.documentElement.lang = locale === 'pseudo' ? 'en' : locale
  document.documentElement.dir = locale === 'pseudo' ? 'rtl' : 'ltr'
}

/** Makes a text a third longer, and strange. */
function pseudo(text: string): string {
  return `[${text.replace(/[aeiou]/g, (c) => `${c}\u0301`)}${'~'.repeat(Math.ceil(text.length / 3))}]`
}
