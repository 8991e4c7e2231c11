import { ref } from 'vue'

/** A sentence that is shown for a few seconds. */
export const toasted = ref<{ text: string; kind: 'good' | 'bad' } | null>(null)
let timer: ReturnType<typeof setTimeout> | undefined

export function toast(text: string, kind: 'good' | 'bad' = 'good'): void {
  toasted.value = { text, kind }
  clearTimeout(timer)
  timer = setTimeout(() => (toasted.value = null), 4_000)
}
