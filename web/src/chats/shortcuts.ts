import { useEventListener } from '@vueuse/core'

export interface Shortcuts {
  find: () => void
  help: () => void
  step: (by: 1 | -1, unreadOnly: boolean) => void
}

/** True where a key writes. */
function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** The regions that F6 goes round. */
const regions = ['nav a, nav button', '[data-region="messages"]', 'textarea', '[data-region="details"]']

function cycle(back: boolean): void {
  const found = regions.map((r) => document.querySelector<HTMLElement>(r)).filter((e): e is HTMLElement => e !== null && e.offsetParent !== null)
  const at = found.findIndex((e) => e === document.activeElement || e.closest('nav, [data-region]')?.contains(document.activeElement))
  found.at((at + (back ? -1 : 1)) % found.length)?.focus()
}

/** Keys that work everywhere. */
export function useShortcuts(act: Shortcuts): void {
  useEventListener(window, 'keydown', (e: KeyboardEvent) => {
    const modal = document.querySelector('dialog[open]')
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
      if (modal && !modal.hasAttribute('data-switcher')) return
      e.preventDefault()
      act.find()
      return
    }
    if (modal || e.defaultPrevented) return
    if (e.altKey && !e.ctrlKey && !e.metaKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) {
      e.preventDefault()
      act.step(e.key === 'ArrowUp' ? -1 : 1, e.shiftKey)
    } else if (e.key === 'F6') {
      e.preventDefault()
      cycle(e.shiftKey)
    } else if (e.key === '?' && !writes(e.target) && !e.ctrlKey && !e.metaKey) {
      e.preventDefault()
      act.help()
    }
  })
}
