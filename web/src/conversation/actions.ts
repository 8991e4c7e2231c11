import type { Message } from '../delivery/frames'

/** What can be done to a message. */
export interface Actions {
  reply: (m: Message) => void
  edit: (m: Message) => void
  remove: (m: Message) => void
  /** Opens the emoji picker beside an element, to react to a message. */
  pick: (m: Message, anchor: HTMLElement) => void
  react: (m: Message, emoji: string, on: boolean) => void
  /** Shows the message that another one answers. */
  reveal: (seq: number) => void
  copy: (text: string) => void
  retry: (clientId: string) => void
  discard: (clientId: string) => void
}
