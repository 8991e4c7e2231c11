import vue from '@vitejs/plugin-vue'
import i18n from '@intlify/unplugin-vue-i18n/vite'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const server = process.env.CHATIRE_WEB_SERVER ?? 'http://127.0.0.1:8000'

// The messages are compiled here, so that the app has no compiler in it.
export default defineConfig({
  plugins: [
    vue(),
    i18n({ include: fileURLToPath(new URL('src/i18n/*.json', import.meta.url)), runtimeOnly: true, compositionOnly: true, fullInstall: false, strictMessage: true }),
  ],
  define: { __VUE_OPTIONS_API__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: addresses are refused by the policy of the page
    modulePreload: { polyfill: false },
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
