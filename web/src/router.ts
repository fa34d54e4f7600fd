import { createRouter, createWebHistory, type RouteLocationNormalized } from 'vue-router'
import { Problem, whenLoggedOut } from './api/client'
import { useSession } from './stores/session'

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { open: true } },
    { path: '/password', name: 'password', component: () => import('./pages/PasswordPage.vue') },
    { path: '/', name: 'wall', component: () => import('./pages/WallPage.vue'), meta: { shell: true } },
    { path: '/accounts/:id(\\d+)/:tab?', name: 'account', component: () => import('./pages/AccountPage.vue'), meta: { shell: true } },
    { path: '/sale', name: 'sale', component: () => import('./pages/SalePage.vue'), meta: { shell: true } },
    { path: '/shift', name: 'shift', component: () => import('./pages/ShiftPage.vue'), meta: { shell: true } },
    { path: '/days', name: 'days', component: () => import('./pages/DaysPage.vue'), meta: { shell: true } },
    { path: '/month/:month(\\d{6})?', name: 'month', component: () => import('./pages/MonthPage.vue'), meta: { shell: true } },
    { path: '/runs', name: 'runs', component: () => import('./pages/RunsPage.vue'), meta: { shell: true } },
    { path: '/events', name: 'events', component: () => import('./pages/EventsPage.vue'), meta: { shell: true } },
    { path: '/terminals', name: 'terminals', component: () => import('./pages/TerminalsPage.vue'), meta: { shell: true } },
    { path: '/ranking', name: 'ranking', component: () => import('./pages/RankingPage.vue'), meta: { shell: true } },
    { path: '/readings', name: 'readings', component: () => import('./pages/ReadingsPage.vue'), meta: { shell: true } },
    { path: '/plans', name: 'plans', component: () => import('./pages/PlansPage.vue'), meta: { shell: true } },
    { path: '/plans/:code', name: 'plan', component: () => import('./pages/PlanPage.vue'), meta: { shell: true, under: 'plans' } },
    { path: '/strategies', name: 'strategies', component: () => import('./pages/StrategiesPage.vue'), meta: { shell: true } },
    { path: '/strategies/:code', name: 'strategy', component: () => import('./pages/StrategyPage.vue'), meta: { shell: true, under: 'strategies' } },
    { path: '/packages', name: 'packages', component: () => import('./pages/PackagesPage.vue'), meta: { shell: true } },
    { path: '/charges', name: 'charges', component: () => import('./pages/ChargesPage.vue'), meta: { shell: true } },
    { path: '/approvals', name: 'approvals', component: () => import('./pages/ApprovalsPage.vue'), meta: { shell: true } },
    { path: '/requests', name: 'requests', component: () => import('./pages/RequestsPage.vue'), meta: { shell: true } },
    { path: '/gateways', name: 'gateways', component: () => import('./pages/GatewaysPage.vue'), meta: { shell: true } },
    { path: '/import', name: 'import', component: () => import('./pages/ImportPage.vue'), meta: { shell: true } },
    { path: '/voucher/:id(\\d+)/:request', name: 'voucher', component: () => import('./pages/ReceiptPage.vue') },
    { path: '/receipt/:id(\\d+)/:order', name: 'receipt', component: () => import('./pages/ReceiptPage.vue') },
    { path: '/:rest(.*)', name: 'lost', component: () => import('./pages/LostPage.vue'), meta: { open: true } },
  ],
})

const toLogin = (to: RouteLocationNormalized) => ({ name: 'login', query: { next: to.fullPath } })

router.beforeEach(async (to) => {
  const session = useSession()
  if (to.meta.open) return true
  if (!session.me) {
    try {
      if (!(await session.restore())) return toLogin(to)
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 401) return toLogin(to)
      return { name: 'login', query: { next: to.fullPath, trouble: '1' } }
    }
  }
  if (session.me?.must_change && to.name !== 'password') return { name: 'password', query: { next: to.fullPath } }
  return true
})

whenLoggedOut(() => {
  const session = useSession()
  const here = router.currentRoute.value
  session.forget()
  if (!here.meta.open && here.name) void router.push(toLogin(here))
})
