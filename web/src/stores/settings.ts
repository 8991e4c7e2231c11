import { defineStore } from 'pinia'
import { reactive, watch } from 'vue'
import { readItem, writeItem } from '../parts/storage'

export const settingsKey = 'chatire.settings'

/** What one has chosen on this device. */
export interface Settings {
  theme: 'system' | 'light' | 'dark'
  locale: string
  /** Which key sends: Enter, or Enter together with Ctrl or Cmd. */
  sendWith: 'enter' | 'ctrl-enter'
  notifications: boolean
  sound: boolean
  /** 0 is none, then from light to dark. */
  skinTone: number
}

const initial: Settings = { theme: 'system', locale: '', sendWith: 'enter', notifications: false, sound: true, skinTone: 0 }

function read(): Settings {
  try {
    return { ...initial, ...(JSON.parse(readItem(settingsKey) ?? '{}') as Partial<Settings>) }
  } catch {
    return { ...initial }
  }
}

export const useSettings = defineStore('settings', () => {
  const settings = reactive(read())
  watch(settings, () => writeItem(settingsKey, JSON.stringify(settings)))
  watch(
    () => settings.theme,
    (theme) => {
      if (theme === 'system') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = theme
    },
    { immediate: true },
  )
  return { settings }
})
