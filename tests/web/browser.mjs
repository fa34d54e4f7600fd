// Starts Chromium and collects whatever a page complains about.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export async function openBrowser() {
  return chromium.launch({ executablePath: chromiumPath, args: FLAGS })
}

/** A page with its complaints: console errors, exceptions, texts that no dictionary has. */
export async function openPage(browser, { language = 'zh-CN', theme = 'light', width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce' })
  await context.addInitScript(([chosen, look]) => {
    if (!localStorage.getItem('yufu.language')) localStorage.setItem('yufu.language', chosen)
    if (!localStorage.getItem('yufu.theme')) localStorage.setItem('yufu.theme', look)
  }, [language, theme])
  const page = await context.newPage()
  const complaints = []
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.text().includes('[intlify]')) complaints.push(`console: ${message.text()}`)
  })
  return { page, complaints, close: () => context.close() }
}

/** Serious and critical findings of axe-core for WCAG 2.0 to 2.2, A and AA. */
export async function findings(page) {
  await page.evaluate(axe)
  const result = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
  return result.violations
    .filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target.join(' ')).join(' | ')}`)
}

/** Keys of the dictionaries that stand on the page instead of their texts. */
export async function rawKeys(page, dictionary) {
  const groups = Object.keys(dictionary).join('|')
  const text = await page.evaluate(() => document.body.innerText)
  return [...text.matchAll(new RegExp(`\\b(?:${groups})\\.[a-z][\\w.]*[a-zA-Z]\\b`, 'g'))].map((match) => match[0])
}
