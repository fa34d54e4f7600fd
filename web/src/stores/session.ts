import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { api, type Me, type Permission } from '@/api/client'
import { learnPeople } from '@/lib/actor'

const STORED = 'yufu.project'
const KNOWN = 'yufu.known' // set while this browser holds a log-in: without it there is nothing to ask for

export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  const projectId = ref(0)
  const project = computed(() => me.value?.projects.find((one) => one.id === projectId.value) ?? null)
  const zone = computed(() => project.value?.zone ?? 'Asia/Shanghai')

  function accept(person: Me) {
    me.value = person
    localStorage.setItem(KNOWN, '1')
    const stored = Number(localStorage.getItem(STORED))
    const known = person.projects.find((one) => one.id === stored) ?? person.projects[0]
    projectId.value = known?.id ?? 0
  }

  function choose(id: number) {
    projectId.value = id
    localStorage.setItem(STORED, String(id))
  }

  /** Names are a comfort: without them people are told by number. */
  watch(() => me.value !== null && !me.value.must_change && projectId.value, async (id) => {
    if (id) learnPeople(await api.people(id).then((answer) => answer.people, () => []))
  })

  /** Takes up the log-in that this browser still has; false if it has none. */
  async function restore() {
    if (!localStorage.getItem(KNOWN)) return false
    accept(await api.me())
    return true
  }

  function forget() {
    me.value = null
    localStorage.removeItem(KNOWN)
  }

  async function login(name: string, password: string) {
    accept(await api.login(name, password))
  }

  async function changePassword(old: string, next: string) {
    accept(await api.changePassword(old, next))
  }

  async function logout() {
    await api.logout().catch(() => undefined) // the cookie may be void already; leaving is what counts
    forget()
  }

  const can = (right: Permission) => me.value?.permissions.includes(right) ?? false

  return { me, project, projectId, zone, choose, restore, forget, login, changePassword, logout, can }
})
