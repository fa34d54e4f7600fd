// Imports: refused with rows and reasons, written, undone, and workbooks by their sheets.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { workbook } from './workbook.mjs'

export function importsTests({ base, enter, ask, wallRows }) {
  return {
    async 'an import with wrong columns is refused with rows and reasons, and writes nothing'(page) {
      await enter(page)
      const before = (await wallRows(page)).length
      await page.goto(`${base}/import`)
      await page.locator('input[type=file]').setInputFiles({ name: 'wrong.csv', mimeType: 'text/csv', buffer: Buffer.from('who,what\n1,2\n') })
      await page.locator('.report table, .problem').first().waitFor()
      assert.equal((await wallRows(page)).length, before)
      page.expected = /4\d\d/
    },

    async 'a file is looked at, written, and undone again; a sold room stands in the way by name'(page) {
      await enter(page)
      const me = await ask(page, '/me')
      const project = me.projects[0]
      const before = (await wallRows(page)).length
      const plans = await ask(page, `/projects/${project.id}/price-plans`)
      const strategies = await ask(page, `/projects/${project.id}/strategies`)
      const head = 'project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n'
      const row = (i, model) => `${project.code},ZZ,${i},ZZ-${i},platform,${plans.plans[0].code},${strategies.strategies[0].code},GW-ZZ,${1 + Math.floor(i / 64)},tcp:127.0.0.1:9,${i + 1},${model}\n`
      const bring = (name, text) => page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) })
      await page.goto(`${base}/import`)
      const rows = Array.from({ length: 600 }, (_, i) => row(i, 'yufu-plain'))
      await bring('bad.csv', head + rows.slice(0, 10).join('') + row(10, 'abacus') + row(11, 'abacus'))
      await page.locator('.groups tbody tr').first().waitFor()
      assert.equal(await page.locator('.groups tbody tr').count(), 1)
      assert.equal(await page.locator('.errors tbody tr').count(), 2)
      const failed = page.waitForEvent('download')
      await page.locator('.acts .el-button--primary').click()
      const text = readFileSync(await (await failed).path(), 'utf8')
      assert.equal(text.trim().split('\n').length, 3)
      assert.match(text, /CSV_MODEL/)
      await bring('good.csv', head + rows.join(''))
      await page.locator('.acts .el-button--primary').waitFor()
      assert.equal(await page.locator('.report .table tbody th[scope=row]').last().innerText(), '51') // a page of them
      await page.locator('.acts .el-button--primary').focus()
      await page.keyboard.press('Enter')
      await page.locator('.note.done').waitFor({ timeout: 60_000 })
      assert.equal((await wallRows(page)).length, before + 600)
      await page.locator('.history tbody tr').first().locator('.chip').click()
      await page.locator('#reason-text').fill('trial')
      await page.locator('.el-dialog .el-button--danger').click()
      await page.locator('.history .say').waitFor({ timeout: 60_000 })
      assert.equal((await wallRows(page)).length, before)
      await page.locator('.history tbody tr').last().locator('.chip').click()
      await page.locator('.blocked li').first().waitFor()
      assert.equal((await wallRows(page)).length, before)
    },

    async 'a workbook is read by its sheets, and numbers it has cut short are told and refused'(page) {
      await enter(page)
      const { code } = (await ask(page, '/me')).projects[0]
      await page.goto(`${base}/import`)
      const sheet = (rows) => rows.map((cells, r) => `<row r="${r + 1}">${cells.map((cell, c) => typeof cell === 'string'
        ? `<c r="${String.fromCharCode(65 + c)}${r + 1}" t="inlineStr"><is><t>${cell}</t></is></c>`
        : `<c r="${String.fromCharCode(65 + c)}${r + 1}"><v>${cell.number}</v></c>`).join('')}</row>`).join('')
      const head = ['project', 'building', 'room', 'gateway', 'line', 'endpoint', 'address', 'model']
      const good = [code, 'ZX', { number: '101' }, 'GW-ZX', { number: '1' }, 'tcp:127.0.0.1:9', '000000012345', 'yufu-plain']
      const whole = [code, 'ZX', '102', 'GW-ZX', { number: '1' }, '', { number: '2.02600000001E+11' }, 'yufu-plain']
      const cut = [code, 'ZX', '103', 'GW-ZX', { number: '1' }, '', { number: '1.2345678901234568E+17' }, 'yufu-plain']
      const many = [head, ...Array.from({ length: 3000 }, (_, i) =>
        [code, 'ZX', String(i), 'GW-ZX', { number: String(1 + Math.floor(i / 64)) }, 'tcp:127.0.0.1:9', String(i + 1), 'yufu-plain'])]
      await page.locator('input[type=file]').setInputFiles({
        name: 'site.xlsx', mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
        buffer: workbook({ Notes: sheet([['nothing here']]), Meters: sheet([head, good, whole]), Cut: sheet([head, cut]), Many: sheet(many) }) })
      await page.locator('.sheets .chip').nth(1).click()
      await page.locator('.report tbody td.mono').last().waitFor()
      const shown = await page.locator('.report section').last().innerText()
      assert.match(shown, /000000012345/)
      assert.match(shown, /202600000001/)
      assert.equal(await page.locator('.cells').count(), 0)
      await page.locator('.sheets .chip').nth(2).click()
      await page.locator('.cells li').first().waitFor()
      assert.match(await page.locator('.cells').innerText(), /G2/)
      await page.locator('.groups').waitFor()
      assert.match(await page.locator('.errors').innerText(), /CSV_ADDRESS/)
      await page.locator('.sheets .chip').nth(3).click() // its part of the file is of the size that libraries unpack aside
      await page.locator('.report tbody td.mono').first().waitFor()
      assert.equal(await page.locator('.errors').count(), 0)
      await page.locator('input[type=file]').setInputFiles({ name: 'old.xls', mimeType: 'application/vnd.ms-excel', buffer: Buffer.from('d0cf11e0a1b11ae1', 'hex') })
      await page.locator('.note.bad').waitFor()
    },
  }
}
