import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, hooks, refusalOf, refused, storedToken, tokenKey, unreachable, useToken, type Refusal } from '../api/client'
import { readItem, removeItem, removeItems, writeItem } from '../parts/storage'

const userKey = 'chatire.user'
const nameKey = 'username'

/** Who uses this device. */
export interface Me {
  id: number
  username: string
  email: string
}

function readUser(): Me | null {
  try {
    return JSON.parse(readItem(userKey) ?? 'null') as Me | null
  } catch {
    return null
  }
}

/**
 * The account and its token. When the server ends the token, `expired` asks for the
 * password again in place: all that was written stays.
 */
export const useAccount = defineStore('account', () => {
  const token = ref(storedToken())
  const me = ref<Me | null>(token.value ? readUser() : null)
  const expired = ref(false)
  useToken(token.value)

  const signedIn = computed(() => token.value !== '')

  hooks.unauthorized = (sent) => {
    if (sent === token.value) expired.value = true
  }

  function take(newToken: string): void {
    token.value = newToken
    useToken(newToken)
    writeItem(tokenKey, newToken)
  }

  function know(user: Me): void {
    me.value = { id: user.id, username: user.username, email: user.email }
    writeItem(userKey, JSON.stringify(me.value))
    writeItem(nameKey, user.username)
  }

  /** Asks who the token is of; false if that cannot be told now. */
  async function load(): Promise<boolean> {
    try {
      const { data } = await api.GET('/auth/me/')
      if (data) know(data)
      return data !== undefined
    } catch {
      return false
    }
  }

  /** Signs in; null is done. */
  async function signIn(username: string, password: string): Promise<Refusal | null> {
    try {
      const { data, error } = await api.POST('/auth/token/create/', { body: { username, password, label: deviceLabel() } })
      if (!data) return refusalOf(error)
      const before = me.value
      take(data.auth_token)
      if (!(await load())) return unreachable
      if (before && before.id !== me.value?.id) forget(before.id)
      expired.value = false
      return null
    } catch {
      return unreachable
    }
  }

  async function signUp(username: string, email: string, password: string): Promise<Refusal | null> {
    try {
      const { error } = await api.POST('/auth/users/', { body: { username, email, password } })
      if (error) return refusalOf(error)
    } catch {
      return unreachable
    }
    return signIn(username, password)
  }

  /** Signs out here: the token ends, and nothing of the user stays on the device. */
  async function signOut(): Promise<void> {
    try {
      await api.POST('/auth/token/destroy/')
    } catch {
      // the token is forgotten here in any case
    }
    leave()
  }

  /** Ends all sign-ins, this one last. */
  async function signOutEverywhere(): Promise<Refusal | null> {
    try {
      const { data } = await api.GET('/auth/tokens/')
      for (const { id, current } of data?.tokens ?? []) if (!current) await api.DELETE('/auth/tokens/{id}/', { params: { path: { id } } })
    } catch {
      return unreachable
    }
    await signOut()
    return null
  }

  async function rename(username: string, current: string): Promise<Refusal | null> {
    const refusal = await refused(api.POST('/auth/username/', { body: { new_username: username, current_password: current } }))
    if (!refusal) await load()
    return refusal
  }

  async function changeEmail(email: string): Promise<Refusal | null> {
    const refusal = await refused(api.PATCH('/auth/me/', { body: { email } }))
    if (!refusal) await load()
    return refusal
  }

  function changePassword(password: string, current: string): Promise<Refusal | null> {
    return refused(api.POST('/auth/password/', { body: { new_password: password, current_password: current } }))
  }

  /** Deletes the account, for ever. */
  async function remove(current: string): Promise<Refusal | null> {
    const refusal = await refused(api.POST('/auth/users/delete/', { body: { current_password: current } }))
    if (!refusal) leave()
    return refusal
  }

  /** Forgets the user on this device. */
  function leave(): void {
    if (me.value) forget(me.value.id)
    token.value = ''
    me.value = null
    expired.value = false
    useToken('')
    for (const key of [tokenKey, userKey, nameKey]) removeItem(key)
  }

  function forget(id: number): void {
    removeItems(`chatire.${id}.`)
  }

  // Another tab signed in or out.
  window.addEventListener('storage', (e) => {
    if (e.key !== tokenKey && e.key !== null) return
    const now = storedToken()
    if (now === token.value) return
    token.value = now
    useToken(now)
    me.value = now ? readUser() : null
    if (now) {
      expired.value = false
      void load()
    }
  })

  return { token, me, expired, signedIn, load, signIn, signUp, signOut, signOutEverywhere, rename, changeEmail, changePassword, remove, leave }
})

/** What the list of devices calls this one. */
function deviceLabel(): string {
  const agent = navigator.userAgent
  const browser = /Firefox\/|Edg\/|Chrome\/|Safari\//.exec(agent)?.[0].slice(0, -1) ?? 'Browser'
  const system = /Android|iPhone|iPad|Windows|Mac OS X|Linux/.exec(agent)?.[0] ?? ''
  return [browser.replace('Edg', 'Edge'), system].filter(Boolean).join(', ')
}
