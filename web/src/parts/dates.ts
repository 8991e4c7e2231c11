import { useNow } from '@vueuse/core'
import { useI18n } from 'vue-i18n'
import { dayOf } from '../conversation/rows'

const now = useNow({ interval: 60_000 })

/** Formats are made once for all: there is one for each row, and to make one is slow. */
const formats = new Map<string, Intl.DateTimeFormat>()

const kinds = {
  clock: { hour: '2-digit', minute: '2-digit' },
  weekday: { weekday: 'short' },
  short: { day: 'numeric', month: 'short' },
  long: { day: 'numeric', month: 'long' },
  full: { day: 'numeric', month: 'long', year: 'numeric' },
  exact: { dateStyle: 'full', timeStyle: 'short' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>

function format(kind: keyof typeof kinds, language: string, at: number): string {
  const key = `${kind} ${language}`
  let f = formats.get(key)
  if (!f) formats.set(key, (f = new Intl.DateTimeFormat(language, kinds[kind])))
  return f.format(at)
}

/** The reader's own form of a language, such as English as it is written in India. */
function ownForm(locale: string): string {
  if (locale === 'pseudo') return 'en'
  return navigator.languages.find((l) => l.split('-')[0] === locale) ?? locale
}

/** Dates and times in the language of the page, and of the reader's own days. */
export function useDates() {
  const { locale, t } = useI18n()
  const say = (kind: keyof typeof kinds, at: number) => format(kind, ownForm(locale.value), at)
  const daysAgo = (at: number) => Math.round((new Date(now.value).setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86_400_000)
  const date = (at: number) => say(new Date(at).getFullYear() === now.value.getFullYear() ? 'long' : 'full', at)

  return {
    date,
    time: (at: number) => say('clock', at),
    exact: (at: number) => say('exact', at),
    /** As the list of chats says it: the time, the day, or the date. */
    when(at: number): string {
      const days = daysAgo(at)
      if (dayOf(at) === dayOf(now.value.getTime())) return say('clock', at)
      if (days === 1) return t('common.yesterday')
      return say(days < 7 ? 'weekday' : 'short', at)
    },
    /** As a separator between days says it. */
    day(at: number): string {
      const days = daysAgo(at)
      if (days === 0) return t('common.todayOn', { date: say('long', at) })
      return days === 1 ? t('common.yesterday') : date(at)
    },
    list: (names: string[]) => new Intl.ListFormat(ownForm(locale.value), { type: 'conjunction' }).format(names),
  }
}
