import { computed, ref, type Ref } from 'vue'
import { useAccount } from '../stores/account'
import { useChats } from '../stores/chats'

interface Option {
  /** What is put into the text. */
  insert: string
  label: string
  /** The id of the person that it names. */
  user?: number
}

/** The most options that are shown. */
const most = 6

/** Completes @names of members and :names of emoji where the caret is. */
export function useCompletion(area: Readonly<Ref<HTMLTextAreaElement | null>>, text: Ref<string>, uri: () => string) {
  const chats = useChats()
  const account = useAccount()
  const asked = ref('') // the word at the caret, with its sign
  const emoji = ref<Option[]>([])
  const at = ref(0)

  const people = computed<Option[]>(() => {
    if (!asked.value.startsWith('@')) return []
    const wish = asked.value.slice(1).toLowerCase()
    return (chats.details.get(uri())?.members ?? [])
      .filter((m) => m.user.id !== account.me?.id && m.user.username.toLowerCase().includes(wish))
      .sort((a, b) => Number(b.user.username.toLowerCase().startsWith(wish)) - Number(a.user.username.toLowerCase().startsWith(wish)))
      .slice(0, most)
      .map((m) => ({ insert: `@${m.user.username}`, label: m.user.username, user: m.user.id }))
  })
  const options = computed(() => (asked.value.startsWith(':') ? emoji.value : people.value))

  /** Looks what stands before the caret. */
  function look(): void {
    const el = area.value
    const before = el ? el.value.slice(0, el.selectionStart) : ''
    const word = /(?:^|[\s(])((?:@[\p{L}\p{N}_.+@-]*)|(?::[a-z0-9_+-]{2,}))$/u.exec(before)?.[1] ?? ''
    if (word === asked.value) return
    asked.value = word
    at.value = 0
    emoji.value = []
    if (word.startsWith(':')) void lookUp(word)
  }

  async function lookUp(word: string): Promise<void> {
    const { findEmoji } = await import('./emoji')
    const found = await findEmoji(word.slice(1), most).catch(() => [])
    if (asked.value === word) emoji.value = found.map((e) => ({ insert: e.emoji, label: e.annotation }))
  }

  function close(): void {
    asked.value = ''
  }

  /** Puts an option in the place of the word. */
  function take(i: number): void {
    const option = options.value[i]
    const el = area.value
    if (!option || !el) return
    const end = el.selectionStart
    el.setRangeText(`${option.insert} `, end - asked.value.length, end, 'end')
    text.value = el.value
    close()
  }

  /** Handles a key while options are shown; true if it was one for them. */
  function press(e: KeyboardEvent): boolean {
    const n = options.value.length
    if (n === 0) return false
    if (e.key === 'ArrowDown') at.value = (at.value + 1) % n
    else if (e.key === 'ArrowUp') at.value = (at.value + n - 1) % n
    else if (e.key === 'Enter' || e.key === 'Tab') take(at.value)
    else if (e.key === 'Escape') {
      close()
      e.stopPropagation()
    } else return false
    e.preventDefault()
    return true
  }

  return { options, at, look, close, take, press }
}
