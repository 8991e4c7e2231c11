import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '../api/client'
import type { Schemas } from '../delivery/frames'

/** Where the account is signed in. */
export const useDevices = defineStore('devices', () => {
  const list = ref<Schemas['Token'][]>([])
  const status = ref<'loading' | 'ready' | 'failed'>('loading')

  async function load(): Promise<void> {
    try {
      const { data } = await api.GET('/auth/tokens/')
      if (data) list.value = data.tokens
      status.value = data ? 'ready' : 'failed'
    } catch {
      status.value = 'failed'
    }
  }

  /** Ends one sign-in. */
  async function revoke(id: number): Promise<void> {
    try {
      await api.DELETE('/auth/tokens/{id}/', { params: { path: { id } } })
    } catch {
      // the list shows what there still is
    }
    await load()
  }

  return { list, status, load, revoke }
})
