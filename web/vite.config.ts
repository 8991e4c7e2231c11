import vue from '@vitejs/plugin-vue'
import i18n from '@intlify/unplugin-vue-i18n/vite'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

const server = process.env.SERVER || 'http://127.0.0.1:8000'

// vue-i18n looks a name up in all of Vue, which keeps all of Vue in the app: 20 kB more.
const onlyUsedVue: Plugin = {
  name: 'only-used-vue',
  transform(code, id) {
    if (!id.includes('vue-i18n.runtime')) return undefined
    const less = code
      .replace(/import \* as Vue from 'vue';\n/, "import { getCurrentInstance as currentInstanceOfVue } from 'vue';\n")
      .replace(/if \(key in Vue\) \{\s*return Vue\[key\];\s*\}\s*else \{\s*return Vue\.getCurrentInstance\(\);\s*\}/, 'return currentInstanceOfVue();')
    if (/\bVue[.[]|in Vue\b/.test(less)) this.error('vue-i18n reads Vue in another way now; see vite.config.ts')
    return { code: less, map: null }
  },
}

// What the first page is made of.
const first = /plugin-vue:export-helper|src\/(main|App|router|site|api\/client|i18n\/index|stores\/(account|settings)|pages\/(Auth|SignInAgain|useForm)|parts\/(announcer|Avatar|Brand|Field|Icon|icons|people|storage|toast))/

// The messages are compiled here, so that the app has no compiler in it.
export default defineConfig({
  plugins: [
    onlyUsedVue,
    vue(),
    i18n({ include: fileURLToPath(new URL('src/i18n/*/*.json', import.meta.url)), runtimeOnly: true, dropMessageCompiler: true, compositionOnly: true, fullInstall: false, strictMessage: true }),
  ],
  define: { __VUE_OPTIONS_API__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: addresses are refused by the policy of the page
    modulePreload: { polyfill: false },
    cssCodeSplit: false, // one small file, and no page without its style
    // What each page needs is one file: many small ones wait for each other.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'vue', test: /node_modules\/(vue|@vue|pinia|vue-router|vue-i18n|@intlify|openapi-fetch)\// }, { name: 'start', test: first }] } } },
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      '/api': server,
      '/auth': server,
      '/ws': { target: server.replace(/^http/, 'ws'), ws: true },
    },
  },
})
