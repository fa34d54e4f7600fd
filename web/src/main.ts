import { createPinia } from 'pinia'
import { createApp } from 'vue'
import './theme'
import App from './App.vue'
import { announce, i18n } from './i18n'
import { actOnce } from './lib/held'
import { router } from './router'
import { applyTheme } from './stores/theme'

announce()
applyTheme()
actOnce()
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
