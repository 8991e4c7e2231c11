import createClient from 'openapi-fetch'
import type { paths } from './schema'
import { readItem } from '../parts/storage'

/** Where the bearer token is kept, as clients of old do. */
export const tokenKey = 'authToken'

const known = { token: '' }

/** Sets the token that requests carry; '' is none. */
export function useToken(token: string): void {
  known.token = token
}

/** What is called when a request with a token was answered 401. */
export const hooks = { unauthorized: (_token: string) => {} }

/** What is asked by those who have no token, or one that has ended. */
const open = ['/auth/token/create/', '/auth/users/', '/auth/password/reset/', '/auth/password/reset/confirm/']

/** The API, typed by its own description. */
export const api = createClient<paths>({ baseUrl: '/' })

api.use({
  onRequest({ request, schemaPath }) {
    if (known.token && !open.includes(schemaPath)) request.headers.set('Authorization', `Token ${known.token}`)
    return request
  },
  onResponse({ request, response }) {
    const sent = request.headers.get('Authorization')
    if (response.status === 401 && sent) hooks.unauthorized(sent.slice('Token '.length))
    return response
  },
})

export function storedToken(): string {
  return readItem(tokenKey) ?? ''
}

/** A refusal in words: a sentence, and complaints by field. */
export interface Refusal {
  sentence: string
  fields: Record<string, string>
}

/** Reads what the API says about a request that it refuses. */
export function refusalOf(body: unknown): Refusal {
  const refusal: Refusal = { sentence: '', fields: {} }
  if (typeof body !== 'object' || body === null) return refusal
  for (const [name, value] of Object.entries(body)) {
    const text = Array.isArray(value) ? value.join(' ') : String(value)
    if (name === 'detail' || name === 'non_field_errors') refusal.sentence = text
    else refusal.fields[name] = text
  }
  return refusal
}

/** What a failed try is told with when no answer came. */
export const unreachable: Refusal = { sentence: 'unreachable', fields: {} }

/** Waits for an answer, and returns why it is a refusal; null is that it is none. */
export async function refused(call: Promise<{ error?: unknown; response: Response }>): Promise<Refusal | null> {
  try {
    const { error, response } = await call
    return response.ok ? null : refusalOf(error)
  } catch {
    return unreachable
  }
}
