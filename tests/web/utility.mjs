// Meters of water and their kin, and how lines fare: words of valves, statistics, an import that is left.
import assert from 'node:assert/strict'
import { findings } from './browser.mjs'

export function utilityTests({ base, enter, ask, wallRows, skip }) {
  const valveRoom = async (page) => {
    const row = (await wallRows(page)).find((one) => one.kinds.length && !one.kinds.includes('electricity'))
    return row ?? skip('no meter with a valve here')
  }

  return {
    async 'gateways show their lines and how fresh the site is'(page) {
      await enter(page)
      await page.goto(`${base}/gateways`)
      await page.locator('.fresh .bars li').first().waitFor()
      assert.ok((await page.locator('table tbody tr').count()) > 0)
    },

    async 'where a valve is, nothing speaks of power'(page) {
      await enter(page)
      const row = await valveRoom(page)
      const power = /\u505c\u7535|\u62c9\u95f8|\u5408\u95f8|\u4fdd\u7535|\u7ee7\u7535\u5668|kWh/ // cut, open and close of a breaker, keep-power, relay
      await page.goto(`${base}/?q=${encodeURIComponent(row.code)}`)
      await page.locator('[data-tile]').first().waitFor()
      assert.doesNotMatch(await page.locator('[data-tile]').first().innerText(), power)
      for (const tab of ['usage', 'events']) {
        await page.goto(`${base}/accounts/${row.id}/${tab}`)
        await page.locator('section.supply').waitFor()
        await page.locator('section.protections').waitFor()
        for (const part of ['section.supply', 'section.balance', 'section.protections', 'section.history'])
          assert.doesNotMatch(await page.locator(part).innerText(), power, `${part} of ${tab}`)
      }
      assert.deepEqual(await findings(page), [])
    },

    async 'water is priced by the cubic metre, and topped up rather than sold electricity'(page) {
      await enter(page)
      const row = await valveRoom(page)
      await page.goto(`${base}/plans`)
      for (const [code, unit] of [['water', 'm³'], ['gas', 'm³'], ['heat', 'GJ'], ['dorm', 'kWh']])
        assert.match(await page.locator('tbody tr', { has: page.getByText(code, { exact: true }) }).innerText(), new RegExp(unit), code)
      await page.goto(`${base}/sale?account=${row.id}`)
      await page.locator('#amount').fill('99999999')
      assert.match(await page.locator('#amount-note').innerText(), /100,000/)
      await page.locator('#amount').fill('1')
      await page.keyboard.press('Enter')
      await page.locator('[data-yes]').click()
      await page.locator('.done .trail').waitFor()
      assert.doesNotMatch(await page.locator('.main').innerText(), /\u552e\u7535|\u5df2\u552e/) // electricity sold, sold
      assert.deepEqual(await findings(page), [])
    },

    async 'on a phone no table is wider than the window'(page) {
      await page.setViewportSize({ width: 390, height: 844 })
      await enter(page)
      const [row] = await wallRows(page)
      for (const path of ['/?view=table', `/accounts/${row.id}/ledger`, '/readings', '/gateways', '/import', '/days', '/shift', '/strategies/standard']) {
        await page.goto(base + path)
        await page.locator('h1').waitFor()
        await page.waitForFunction(() => !document.querySelector('main [role=status].empty'))
        const wide = await page.evaluate(() => [...document.querySelectorAll('main table')].filter((one) => one.scrollWidth > one.parentElement.clientWidth + 1).map((one) => `${one.className} ${one.scrollWidth}`))
        assert.deepEqual(wide, [], path)
      }
    },

    async 'each line tells its useful time, its retries and its slowest meters'(page) {
      await enter(page)
      const { gateways } = await ask(page, `/projects/${(await ask(page, '/me')).projects[0].id}/gateways`)
      const { lines } = await ask(page, `/gateways/${gateways[0].id}/lines?hours=24`)
      const told = lines.find((line) => line.told?.slowest.length)
      if (!told) skip('no line has told anything yet')
      await page.goto(`${base}/gateways`)
      const row = page.locator('.stats .lines > tbody > tr').nth(lines.indexOf(told))
      await row.waitFor()
      assert.match(await row.innerText(), new RegExp(`${told.number}[^]*%[^]*%[^]* ms`))
      await row.locator('button').focus()
      await page.keyboard.press('Enter')
      const detail = page.locator('.stats .detail')
      await detail.waitFor()
      assert.match(await detail.innerText(), new RegExp(told.told.slowest[0].address.slice(0, 4)))
      assert.equal(await detail.locator('tbody tr').count() > 0, told.hours.length > 0)
      assert.deepEqual(await findings(page), [])
    },

    async 'a gateway that is sent an update says in words why it does not take it'(page) {
      await enter(page)
      const project = (await ask(page, '/me')).projects[0].id
      const { packages, pushes } = await ask(page, `/projects/${project}/gateway-updates`)
      if (!packages.length || pushes.length) skip('no update file here, or it was pushed already')
      await page.goto(`${base}/gateways`)
      const card = page.locator('[data-updates]')
      await card.locator('table').waitFor()
      await page.locator('[data-program]').first().waitFor()
      await card.locator('input[type=file]').setInputFiles({ name: 'x.update', mimeType: 'application/octet-stream', buffer: Buffer.from('nonsense') })
      await card.locator('.note').waitFor() // refused by name
      assert.deepEqual(await findings(page), [])
      await card.locator('header button').click()
      const dialog = page.locator('.el-dialog:has(form.pushing)')
      await dialog.locator('input[name=gateway]').first().check()
      await dialog.locator('input[name=downgrade]').check()
      await dialog.locator('#pushing-text').fill('浏览器测试')
      assert.deepEqual(await findings(page), [])
      await dialog.locator('button[type=submit]').click()
      await dialog.waitFor({ state: 'hidden' })
      // Its own keys decide: there are none.
      await card.locator('[data-push] li .bad').waitFor({ timeout: 60_000 })
      await page.locator('[data-program] .why').first().waitFor({ timeout: 30_000 })
      await page.evaluate(() => localStorage.setItem('yufu.language', 'en'))
      await page.reload()
      assert.match(await page.locator('[data-program] .why').first().innerText(), /key/)
      await page.evaluate(() => localStorage.setItem('yufu.language', 'zh-CN'))
      page.expected = /422/
    },

    async 'who leaves the import gives its room back'(page) {
      await enter(page)
      await page.goto(`${base}/import`)
      const brought = page.waitForResponse((answer) => answer.request().method() === 'POST' && answer.url().includes('/imports/checks?'))
      await page.locator('input[type=file]').setInputFiles({ name: 'left.csv', mimeType: 'text/csv', buffer: Buffer.from('who,what\n1,2\n') })
      const { id } = await (await brought).json()
      await page.locator('.errors').waitFor()
      const released = page.waitForResponse((answer) => answer.url().endsWith(`/imports/checks/${id}/release`))
      await page.locator('nav.rail a.entry').first().click()
      assert.equal((await released).status(), 204)
    },

    async 'a phone opens the list of the other pages'(page) {
      await page.setViewportSize({ width: 390, height: 844 })
      await enter(page)
      await page.locator('nav.rail .others .trigger').click()
      const last = page.locator('nav.rail .others .list button').last()
      await last.waitFor()
      const box = await last.boundingBox()
      assert.ok(box && box.y > 0 && box.y + box.height < 844)
      await last.click()
      await page.waitForURL((url) => url.pathname !== '/')
    },
  }
}
