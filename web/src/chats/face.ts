import { useI18n } from 'vue-i18n'
import { useDates } from '../parts/dates'
import { useAccount } from '../stores/account'
import { useChats } from '../stores/chats'

/** What a chat is called and who stands for it. */
export function useFaces() {
  const { t } = useI18n()
  const { list } = useDates()
  const chats = useChats()
  const account = useAccount()

  function people(uri: string) {
    const known = chats.details.get(uri)
    if (known) return known.members.filter((m) => m.user.id !== account.me?.id).map((m) => m.user)
    return chats.byUri.get(uri)?.people ?? []
  }

  /** Its title, else those who are in it. */
  function name(uri: string): string {
    const title = chats.byUri.get(uri)?.title ?? chats.details.get(uri)?.title
    if (title) return title
    const others = people(uri).filter((u) => u.username)
    if (others.length === 0) return t('chats.untitled')
    return list(others.slice(0, 3).map((u) => u.username).concat(others.length > 3 ? '…' : []))
  }

  return { people, name }
}
