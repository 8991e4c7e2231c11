import { createPinia } from 'pinia'
import { createApp, watch } from 'vue'
import App from './App.vue'
import { i18n, pickLocale, setLocale } from './i18n'
import { router } from './router'
import { useSettings } from './stores/settings'
import './styles/tokens.css'
import './styles/base.css'
import './styles/parts.css'
import './styles/text.css'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
const { settings } = useSettings()
await setLocale(pickLocale(settings.locale))
watch(
  () => settings.locale,
  (locale) => void setLocale(pickLocale(locale)),
)
app.mount('#app')
