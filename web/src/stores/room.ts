import { defineStore } from 'pinia'
import { api, refusalOf, refused, unreachable, type Refusal } from '../api/client'
import type { Role, Schemas, User } from '../delivery/frames'
import { useChats } from './chats'

export type Invite = Schemas['Invite']
export type Access = Schemas['Access']

/** What members, moderators and the owner do to a chat. null is done, else it says why not. */
export const useRoom = defineStore('room', () => {
  const chats = useChats()
  const at = (uri: string) => ({ params: { path: { uri } } })

  async function patch(uri: string, body: { title?: string; access?: Access; username?: string }): Promise<Refusal | null> {
    const refusal = await refused(api.PATCH('/api/chats/{uri}/', { ...at(uri), body }))
    if (!refusal) await chats.loadDetails(uri)
    return refusal
  }

  async function setRole(uri: string, user: User, role: Role): Promise<Refusal | null> {
    const path = { uri, username: user.username }
    const refusal = await refused(api.PATCH('/api/chats/{uri}/members/{username}/', { params: { path }, body: { role } }))
    if (!refusal) await chats.loadDetails(uri)
    return refusal
  }

  async function remove(uri: string, user: User): Promise<Refusal | null> {
    const refusal = await refused(api.DELETE('/api/chats/{uri}/members/{username}/', { params: { path: { uri, username: user.username } } }))
    if (!refusal) await chats.loadDetails(uri)
    return refusal
  }

  async function leave(uri: string, username: string): Promise<Refusal | null> {
    const refusal = await refused(api.DELETE('/api/chats/{uri}/members/{username}/', { params: { path: { uri, username } } }))
    if (!refusal) chats.forget(uri)
    return refusal
  }

  async function ban(uri: string, user: User): Promise<Refusal | null> {
    const refusal = await refused(api.PUT('/api/chats/{uri}/bans/{username}/', { params: { path: { uri, username: user.username } } }))
    if (!refusal) await chats.loadDetails(uri)
    return refusal
  }

  const unban = (uri: string, user: User) => refused(api.DELETE('/api/chats/{uri}/bans/{username}/', { params: { path: { uri, username: user.username } } }))

  async function bans(uri: string): Promise<User[]> {
    const { data } = await api.GET('/api/chats/{uri}/bans/', at(uri)).catch(() => ({ data: undefined }))
    return data?.users ?? []
  }

  async function invites(uri: string): Promise<Invite[]> {
    const { data } = await api.GET('/api/chats/{uri}/invites/', at(uri)).catch(() => ({ data: undefined }))
    return data?.invites ?? []
  }

  async function invite(uri: string, body: { role: 'moderator' | 'member' | 'reader'; max_uses: number; expires_in: number }): Promise<Invite | Refusal> {
    try {
      const { data, error } = await api.POST('/api/chats/{uri}/invites/', { ...at(uri), body })
      return data ?? refusalOf(error)
    } catch {
      return unreachable
    }
  }

  const revoke = (uri: string, id: number) => refused(api.DELETE('/api/chats/{uri}/invites/{id}/', { params: { path: { uri, id } } }))

  async function close(uri: string): Promise<Refusal | null> {
    const refusal = await refused(api.POST('/api/chats/{uri}/close/', at(uri)))
    if (!refusal) await chats.loadDetails(uri)
    return refusal
  }

  async function erase(uri: string): Promise<Refusal | null> {
    const refusal = await refused(api.DELETE('/api/chats/{uri}/', at(uri)))
    if (!refusal) chats.forget(uri)
    return refusal
  }

  return { patch, setRole, remove, leave, ban, unban, bans, invites, invite, revoke, close, erase }
})
