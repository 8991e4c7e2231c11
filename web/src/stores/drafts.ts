import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { readItem, removeItem, writeItem } from '../parts/storage'
import { useAccount } from './account'

/** What was written and not sent, for each chat; it outlives the page. */
export const useDrafts = defineStore('drafts', () => {
  const account = useAccount()
  const texts = reactive(new Map<string, string>())
  const key = () => `chatire.${account.me?.id ?? 0}.drafts`

  function load(): void {
    texts.clear()
    try {
      for (const [uri, text] of Object.entries(JSON.parse(readItem(key()) ?? '{}'))) texts.set(uri, String(text))
    } catch {
      // what cannot be read was not written by us
    }
  }

  function save(): void {
    if (!account.me) return
    if (texts.size) writeItem(key(), JSON.stringify(Object.fromEntries(texts)))
    else removeItem(key())
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  window.addEventListener('pagehide', save)

  function set(uri: string, text: string): void {
    if (text.trim()) texts.set(uri, text)
    else texts.delete(uri)
    clearTimeout(timer)
    timer = setTimeout(save, 400)
  }

  return { texts, load, set, clear: () => texts.clear() }
})
