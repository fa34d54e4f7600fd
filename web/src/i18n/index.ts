import { createI18n } from 'vue-i18n'
import { setLanguage } from '@/api/client'
import en from './en.json'
import chinese from './zh-CN.json'

export type Locale = 'zh-CN' | 'en'
const STORED = 'yufu.language'

function initial(): Locale {
  return localStorage.getItem(STORED) === 'en' ? 'en' : 'zh-CN'
}

export const i18n = createI18n({
  legacy: false,
  locale: initial(),
  fallbackLocale: 'en',
  messages: { 'zh-CN': chinese, en },
})

/** More texts, for pages that are loaded when they are opened: one pair of files a page. */
export function addTexts(more: object, moreEnglish: object) {
  i18n.global.mergeLocaleMessage('zh-CN', more)
  i18n.global.mergeLocaleMessage('en', moreEnglish)
}

export const currentLocale = () => i18n.global.locale.value as Locale

export function useLocale(locale: Locale) {
  i18n.global.locale.value = locale
  localStorage.setItem(STORED, locale)
  announce()
}

/** Fonts, screen readers and the server all want to know the language. */
export function announce() {
  document.documentElement.lang = currentLocale()
  setLanguage(currentLocale())
}
