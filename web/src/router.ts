import { createRouter, createWebHistory, type RouteLocationNormalized } from 'vue-router'
import AuthPage from './pages/AuthPage.vue'
import { loadWhole } from './i18n'
import { useAccount } from './stores/account'

declare module 'vue-router' {
  interface RouteMeta {
    /** Whoever is not signed in is asked to, and comes back. */
    signedIn?: boolean
    /** Whoever is signed in has no business here. */
    signedOut?: boolean
    /** It says more than those see who have not signed in. */
    whole?: boolean
  }
}

const chats = () => import('./pages/ChatsPage.vue')
const join = () => import('./pages/JoinPage.vue')

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'chats', component: chats, meta: { signedIn: true, whole: true } },
    { path: '/c/:uri([0-9a-f]{15})', name: 'chat', component: chats, meta: { signedIn: true, whole: true } },
    { path: '/c/:uri([0-9a-f]{15})/details', name: 'details', component: chats, meta: { signedIn: true, whole: true } },
    { path: '/j/:uri', name: 'join', component: join, meta: { signedIn: true } },
    { path: '/i/:code', name: 'invite', component: join, meta: { signedIn: true } },
    { path: '/settings', name: 'settings', component: () => import('./pages/SettingsPage.vue'), meta: { signedIn: true, whole: true } },
    { path: '/signin', name: 'signin', component: AuthPage, meta: { signedOut: true } },
    { path: '/signup', name: 'signup', component: AuthPage, meta: { signedOut: true } },
    { path: '/forgot', name: 'forgot', component: () => import('./pages/ForgotPage.vue') },
    { path: '/reset/:uid/:code', name: 'reset', component: () => import('./pages/ResetPage.vue') },
    { path: '/:rest(.*)', name: 'nowhere', component: () => import('./pages/NowherePage.vue') },
  ],
})

router.beforeEach(async (to) => {
  const { signedIn } = useAccount()
  if (to.meta.signedIn && !signedIn) return { name: 'signin', query: to.path === '/' ? {} : { next: to.fullPath } }
  if (to.meta.signedOut && signedIn) return nextOf(to)
  if (to.meta.whole) await loadWhole()
  return true
})

/** Where one goes after signing in: a place of ours only. */
export function nextOf(route: RouteLocationNormalized): string {
  const next = route.query.next
  if (typeof next !== 'string' || !next.startsWith('/') || next.startsWith('//') || next.includes('\\')) return '/'
  return router.resolve(next).name === 'nowhere' ? '/' : next
}
