import { defineComponent, h, shallowRef, type PropType } from 'vue'
import type { Names } from './markdown'

/** Signs without which a text is only a text. */
const special = /[*_~`>#[\]<&\\|@]|https?:|www\.|^\s*(?:[-+]|\d+[.)])\s|\n\s*(?:[-+]|\d+[.)])\s|^ {4}|---|\S@\S/u

const renderer = shallowRef<typeof import('./markdown')>()
void import('./markdown').then((m) => (renderer.value = m))

/** The text of a message with its Markdown. Until that can be read it is shown as written. */
export default defineComponent({
  props: {
    text: { type: String, required: true },
    names: { type: Object as PropType<Names>, required: true },
  },
  setup: (props) => () =>
    h('div', { class: 'text', dir: 'auto' }, renderer.value && special.test(props.text) ? renderer.value.render(props.text, props.names) : [h('p', props.text)]),
})
