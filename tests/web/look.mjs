// node look.mjs BASE LOGIN PASSWORD FOLDER PATH... : pictures of pages in both languages, three widths.
import { openBrowser, openPage } from './browser.mjs'

const [base, login, password, folder, ...paths] = process.argv.slice(2)
const browser = await openBrowser()
const widths = (process.env.WIDTHS ?? '390,820,1440').split(',').map(Number)
const languages = (process.env.LANGUAGES ?? 'zh-CN,en').split(',')
for (const language of languages) {
  for (const width of widths) {
    const { page, complaints, close } = await openPage(browser, { language, width, theme: process.env.THEME ?? 'light', height: width === 390 ? 844 : 900 })
    await page.goto(`${base}/login`)
    await page.locator('#login-name').fill(login)
    await page.locator('#login-password').fill(password)
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.pathname !== '/login')
    for (const path of paths) {
      await page.goto(base + path)
      await page.locator('h1').waitFor({ timeout: 10000 }).catch(() => complaints.push(`no h1 on ${path}`))
      await page.waitForTimeout(900)
      const name = path.replace(/\W+/g, '_')
      await page.screenshot({ path: `${folder}/${name}-${language}-${width}.png`, fullPage: true })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (wide > 0) complaints.push(`${path} is ${wide} px too wide at ${width}`)
    }
    if (complaints.length) console.log(language, width, complaints)
    await close()
  }
}
await browser.close()
