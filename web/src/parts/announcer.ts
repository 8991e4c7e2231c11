import { ref } from 'vue'

/** What a screen reader is told next. */
export const announced = ref('')

let waiting: string[] = []
let timer: ReturnType<typeof setTimeout> | undefined

/** Tells a screen reader something. `many` words it where several come at once. */
export function announce(text: string, many?: (n: number) => string): void {
  waiting.push(text)
  timer ??= setTimeout(() => {
    announced.value = waiting.length >= 3 && many ? many(waiting.length) : waiting.join('. ')
    waiting = []
    timer = undefined
  }, 250)
}
