import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, type Me, type Permission } from '@/api/client'

const STORED = 'yufu.project'

export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  const projectId = ref(0)
  const project = computed(() => me.value?.projects.find((one) => one.id === projectId.value) ?? null)
  const zone = computed(() => project.value?.zone ?? 'Asia/Shanghai')

  function accept(person: Me) {
    me.value = person
    const stored = Number(localStorage.getItem(STORED))
    const known = person.projects.find((one) => one.id === stored) ?? person.projects[0]
    projectId.value = known?.id ?? 0
  }

  function choose(id: number) {
    projectId.value = id
    localStorage.setItem(STORED, String(id))
  }

  async function restore() {
    accept(await api.me())
  }

  async function login(name: string, password: string) {
    accept(await api.login(name, password))
  }

  async function changePassword(old: string, next: string) {
    accept(await api.changePassword(old, next))
  }

  async function logout() {
    await api.logout().catch(() => undefined) // the cookie may be void already; leaving is what counts
    me.value = null
  }

  const can = (right: Permission) => me.value?.permissions.includes(right) ?? false

  return { me, project, projectId, zone, choose, restore, login, changePassword, logout, can }
})
