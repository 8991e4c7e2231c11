import { useDebounceFn } from '@vueuse/core'
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api } from '../api/client'
import type { Schemas } from '../delivery/frames'

export type FoundMessage = Schemas['Found']['messages'][number]

/** Messages of all chats that have some words in them. */
export const useSearch = defineStore('search', () => {
  const found = ref<FoundMessage[]>([])
  const status = ref<'idle' | 'searching' | 'failed'>('idle')
  let wish = ''

  const ask = useDebounceFn(async (q: string) => {
    if (q !== wish) return
    try {
      const { data } = await api.GET('/api/search/', { params: { query: { q, limit: 12 } } })
      if (q !== wish) return
      found.value = data?.messages ?? []
      status.value = data ? 'idle' : 'failed'
    } catch {
      if (q === wish) status.value = 'failed'
    }
  }, 200)

  function look(q: string): void {
    wish = q
    if (q.length < 2) {
      found.value = []
      status.value = 'idle'
      return
    }
    status.value = 'searching'
    void ask(q)
  }

  return { found, status, look, clear: () => look('') }
})
