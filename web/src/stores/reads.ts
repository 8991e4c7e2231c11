import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { api } from '../api/client'
import { useAccount } from './account'

/** How far the others have read, for each chat. The server tells it to who asks. */
export const useReads = defineStore('reads', () => {
  const account = useAccount()
  const positions = reactive(new Map<string, number[]>())

  async function load(uri: string): Promise<void> {
    try {
      const { data } = await api.GET('/api/chats/{uri}/read/', { params: { path: { uri } } })
      if (data) positions.set(uri, data.positions.filter((p) => p.user_id !== account.me?.id).map((p) => p.seq))
    } catch {
      // ticks stay as they are
    }
  }

  /** How many of the others have read a message, and how many there are. */
  function of(uri: string, seq: number): { read: number; all: number } {
    const others = positions.get(uri) ?? []
    return { read: others.filter((p) => p >= seq).length, all: others.length }
  }

  return { positions, load, of }
})
