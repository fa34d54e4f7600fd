// People with other rights than the administrator's, at the log-in page.

/** staff: one-time passwords by log-in name, of people with the roles of these names. */
export function people({ base, skip, staff }) {
  const current = { ...staff }

  async function enterAs(page, login) {
    if (!current[login]) skip(`nobody here is ${login}`)
    await page.goto(`${base}/login`)
    await page.locator('#login-name').fill(login)
    await page.locator('#login-password').fill(current[login])
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => url.pathname !== '/login')
    if (new URL(page.url()).pathname === '/password') {
      const next = `${current[login]}-changed`
      await page.locator('#password-old').fill(current[login])
      await page.locator('#password-new').fill(next)
      await page.locator('#password-again').fill(next)
      await page.keyboard.press('Enter')
      await page.waitForURL((url) => url.pathname !== '/password')
      current[login] = next
    }
    await page.locator('main#main').waitFor()
  }

  async function switchTo(page, login) {
    await page.context().clearCookies()
    await page.evaluate(() => localStorage.removeItem('yufu.known'))
    await enterAs(page, login)
  }

  return { enterAs, switchTo }
}
