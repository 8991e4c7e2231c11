import german from 'emoji-picker-element-data/de/cldr/data.json?url'
import english from 'emoji-picker-element-data/en/emojibase/data.json?url'
import { readItem, writeItem } from '../parts/storage'

export interface Emoji {
  emoji: string
  annotation: string
  group: number
  version: number
  tags?: string[]
  shortcodes?: string[]
  skins?: { tone: number; emoji: string }[]
}

/** The version of Emoji that systems in use have pictures of. */
const newest = 14

let known: Promise<Emoji[]> | undefined

/** Reads all emoji with their names; our own server has them. */
export function allEmoji(): Promise<Emoji[]> {
  known ??= fetch(document.documentElement.lang === 'de' ? german : english)
    .then((r) => r.json() as Promise<Emoji[]>)
    .then((all) => all.filter((e) => e.version <= newest))
    .catch((e) => {
      known = undefined
      throw e
    })
  return known
}

/** Finds emoji by their names, those that begin with the words first. */
export async function findEmoji(words: string, most: number): Promise<Emoji[]> {
  const wish = words.toLowerCase().replace(/_/g, ' ').trim()
  const starts: Emoji[] = []
  const rest: Emoji[] = []
  for (const e of await allEmoji()) {
    const names = [e.annotation.toLowerCase(), ...(e.shortcodes ?? []).map((s) => s.replace(/_/g, ' '))]
    if (names.some((n) => n.startsWith(wish))) starts.push(e)
    else if (names.some((n) => n.includes(wish)) || e.tags?.some((t) => t.startsWith(wish))) rest.push(e)
  }
  return [...starts, ...rest].slice(0, most)
}

const recentKey = 'chatire.emoji'
const firstOnes = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀']

/** Those that were chosen last on this device. */
export function recentEmoji(): string[] {
  try {
    const list: unknown = JSON.parse(readItem(recentKey) ?? '[]')
    if (Array.isArray(list)) return [...new Set([...list.map(String), ...firstOnes])].slice(0, 16)
  } catch {
    // what cannot be read was not written by us
  }
  return firstOnes
}

export function rememberEmoji(emoji: string): void {
  writeItem(recentKey, JSON.stringify([emoji, ...recentEmoji().filter((e) => e !== emoji)].slice(0, 16)))
}
