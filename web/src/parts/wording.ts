import { useI18n } from 'vue-i18n'
import { unreachable, type Refusal } from '../api/client'

/** A refusal as one sentence. */
export function useWording() {
  const { t } = useI18n()
  return {
    why: (r: Refusal): string => (r === unreachable ? t('common.unreachable') : r.sentence || Object.values(r.fields).join(' ') || t('common.refused')),
  }
}
