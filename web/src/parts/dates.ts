import { useNow } from '@vueuse/core'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { dayOf } from '../conversation/rows'

const now = useNow({ interval: 60_000 })

/** Dates and times in the language of the page, and of the reader's own days. */
export function useDates() {
  const { locale, t } = useI18n()
  const language = computed(() => (locale.value === 'pseudo' ? 'en' : navigator.languages.find((l) => l.split('-')[0] === locale.value) ?? locale.value))
  const format = (options: Intl.DateTimeFormatOptions) => computed(() => new Intl.DateTimeFormat(language.value, options))
  const clock = format({ hour: '2-digit', minute: '2-digit' })
  const weekday = format({ weekday: 'short' })
  const short = format({ day: 'numeric', month: 'short' })
  const long = format({ day: 'numeric', month: 'long' })
  const full = format({ day: 'numeric', month: 'long', year: 'numeric' })
  const exact = format({ dateStyle: 'full', timeStyle: 'short' })
  const daysAgo = (at: number) => Math.round((new Date(now.value).setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86_400_000)

  return {
    time: (at: number) => clock.value.format(at),
    exact: (at: number) => exact.value.format(at),
    /** As the list of chats says it: the time, the day, or the date. */
    when(at: number): string {
      const days = daysAgo(at)
      if (dayOf(at) === dayOf(now.value.getTime())) return clock.value.format(at)
      if (days === 1) return t('common.yesterday')
      return days < 7 ? weekday.value.format(at) : short.value.format(at)
    },
    /** As a separator between days says it. */
    day(at: number): string {
      const days = daysAgo(at)
      if (days === 0) return t('common.todayOn', { date: long.value.format(at) })
      if (days === 1) return t('common.yesterday')
      return new Date(at).getFullYear() === now.value.getFullYear() ? long.value.format(at) : full.value.format(at)
    },
    date: (at: number) => (new Date(at).getFullYear() === now.value.getFullYear() ? long : full).value.format(at),
    list: (names: string[]) => new Intl.ListFormat(language.value, { type: 'conjunction' }).format(names),
  }
}
