import type { components } from '../api/schema'

export type Schemas = components['schemas']
export type User = Schemas['User']
export type Message = Schemas['Message']
export type Reaction = Schemas['Reaction']
export type Role = Schemas['Role']

/** One fact of a session, from the websocket or from the log. */
export type LogEvent = Schemas['Event']

export interface Limits {
  subscribe: number
  subscriptions: number
  frame_bytes: number
  message_chars: number
  frames_per_10s: number
}

export interface Presence {
  uri: string
  online?: number[]
  joined?: number[]
  left?: number[]
  count?: number
}

export type NoticeKind = 'added' | 'removed' | 'read' | 'settings' | 'tokens'

/** What a server sends; see docs/PROTOCOL.md. Frames of other types are ignored. */
export type ServerFrame =
  | { type: 'hello'; connection: string; epoch: string; heartbeat: number; limits: Limits }
  | { type: 'subscribed'; uri: string; head: number; from: string; epoch: string }
  | { type: 'caught_up'; uri: string; seq: number }
  | { type: 'reset'; uri: string; oldest: number; epoch: string }
  | { type: 'unsubscribed'; uri: string; reason: 'asked' | 'removed' | 'left' | 'closed' | 'deleted' }
  | ({ type: 'event'; uri: string } & LogEvent)
  | { type: 'notice'; notice: NoticeKind; uri?: string; seq?: number }
  | ({ type: 'presence' } & Presence)
  | { type: 'typing'; uri: string; user: { id: number; username: string } }
  | { type: 'pong' }
  | { type: 'drain'; reconnect_in_ms: number }
  | { type: 'error'; code: string; uri?: string; detail: string }

/** Reads a frame; null is none that can be understood. */
export function parseFrame(text: string): ServerFrame | null {
  try {
    const frame: unknown = JSON.parse(text)
    if (typeof frame === 'object' && frame !== null && 'type' in frame) return frame as ServerFrame
  } catch {
    // what is no JSON is no frame
  }
  return null
}
