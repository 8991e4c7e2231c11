import { nextTick, ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { unreachable, type Refusal } from '../api/client'

/** What the fields of a form offer. */
interface Focusable {
  focus(): void
}

/** A form: it is sent once at a time, and complaints go to their fields. */
export function useForm(fields: Record<string, () => Focusable | undefined | null>) {
  const { t } = useI18n()
  const busy = ref(false)
  const complaints = ref<Record<string, string>>({})
  const fault = ref('')

  async function submit(send: () => Promise<Refusal | null>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    complaints.value = {}
    fault.value = ''
    const refusal = await send()
    busy.value = false
    if (!refusal) return true
    if (refusal === unreachable) {
      fault.value = t('common.unreachable')
      return false
    }
    complaints.value = refusal.fields
    const first = Object.keys(fields).find((name) => refusal.fields[name])
    fault.value = refusal.sentence || (first ? '' : Object.values(refusal.fields).join(' '))
    await nextTick()
    if (first) fields[first]!()?.focus()
    return false
  }

  return { busy, complaints, fault, submit }
}
