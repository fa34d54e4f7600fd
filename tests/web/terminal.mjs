// The dorm warden and the field engineer at the console: hours that are written and read back, a real trip
// with its explanation, reset and who may do it, white list and learning, a gateway that goes away.
import assert from 'node:assert/strict'

const SLOW = { timeout: 120_000 }
const SOCKETS = 2

/** enterAs, switchTo: people.mjs. gateway: its process. */
export function terminalTests({ base, ask, wallRows, skip, enterAs, switchTo, gateway }) {
  async function dormRooms(page) {
    const rooms = (await wallRows(page)).filter((row) => row.circuits === 3)
    if (rooms.length === 0) skip('no dorm room here')
    return rooms
  }

  const taken = new Set() // two tests do not meet in one room

  /** The dorm room that draws most from its sockets, whatever the hour, of those no test has used yet. */
  async function room(page) {
    const rooms = new Map((await dormRooms(page)).map((row) => [row.meters[0], row]))
    const draws = (one) => one.circuits[SOCKETS - 1].power_w ?? 0
    const on = (await ask(page, '/projects/1/terminals')).terminals
      .filter((one) => rooms.has(one.meter_id) && !taken.has(one.meter_id) && one.circuits[SOCKETS - 1]?.open === false)
      .sort((a, b) => draws(b) - draws(a))
    assert.ok(on.length > 0, 'no dorm room has its sockets on')
    taken.add(on[0].meter_id)
    return rooms.get(on[0].meter_id)
  }

  const registerOf = async (page, meter, item, circuit) =>
    (await ask(page, `/meters/${meter}/terminal`)).registers.find((one) => one.item === item && one.circuit === circuit)
  const circuit = (page, n) => page.locator(`.terminal li[data-circuit="${n}"]`)
  const dialog = (page) => page.locator('.el-dialog.settings')

  async function openSettings(page, row, n, tab) {
    await page.goto(`${base}/accounts/${row.id}`)
    await circuit(page, n).locator('.bar .chip').last().click()
    await dialog(page).locator(`#tab-${tab}`).click()
    await dialog(page).locator('fieldset').waitFor(SLOW)
  }

  /** Sends what stands in the form, sees it wait, and sees it done. */
  async function writeAndRead(page, reason = '浏览器测试') {
    await page.locator('#terminal-reason').fill(reason)
    await page.evaluate(() => { // the first word may be gone before anybody looks
      const box = document.querySelector('.el-dialog.settings .acts')
      window.firstWord = null
      new MutationObserver(() => { window.firstWord ??= box.querySelector('.says')?.dataset.state ?? null })
        .observe(box, { subtree: true, childList: true, attributes: true })
    })
    await dialog(page).locator('button[type=submit]').click()
    const said = dialog(page).locator('.acts .says')
    await said.waitFor()
    await page.waitForFunction(() => ['done', 'refused', 'lost'].includes(document.querySelector('.el-dialog.settings .acts .says')?.dataset.state), null, SLOW)
    assert.equal(await said.getAttribute('data-state'), 'done')
    return await page.evaluate(() => window.firstWord)
  }

  async function setLimits(page, row, values) {
    await openSettings(page, row, SOCKETS, 'limits')
    for (const [name, value] of Object.entries(values)) {
      await dialog(page).locator(`input[name=${name}]`).fill(String(value))
      await dialog(page).locator(`input[name=${name}]`).blur()
    }
    await writeAndRead(page)
  }

  async function order(page, row, n, chip, reason) {
    await page.goto(`${base}/accounts/${row.id}`)
    await circuit(page, n).locator('.bar .chip', { hasText: chip }).click()
    await page.locator('#reason-text').fill(reason)
    await page.locator('.el-dialog button[type=submit]').click()
    await page.locator('#reason-text').waitFor({ state: 'hidden' })
  }

  const tests = {}
  let tripping = false // the test that trips has run
  let tripped = 0 // the account whose sockets it has tripped

  tests['hours are written, wait, and are done only when the terminal tells the same'] = async (page) => {
    await enterAs(page, 'engineer')
    const row = await room(page)
    await openSettings(page, row, 1, 'workday')
    const before = await registerOf(page, row.meters[0], 'workday', 1)
    const minutes = before.value.periods[0].end_min === 1365 ? 1380 : 1365
    const end = dialog(page).locator('.hours li input').nth(1)
    await end.fill(`${Math.floor(minutes / 60)}:${minutes % 60 || '00'}`)
    await end.blur()
    assert.equal(await writeAndRead(page), 'pending')
    const after = await registerOf(page, row.meters[0], 'workday', 1)
    assert.equal(after.value.periods[0].end_min, minutes)
    assert.ok(after.read_at > before.read_at)
    await page.reload()
    await openSettings(page, row, 1, 'workday')
    assert.equal(await dialog(page).locator('.hours li input').nth(1).inputValue(), minutes === 1380 ? '23:00' : '22:45')
  }

  tests['a limit that is too low trips the sockets, and the card says why in both languages'] = async (page) => {
    tripping = true
    await enterAs(page, 'engineer')
    const row = await room(page)
    await setLimits(page, row, { power_w: 3, recloses: 0, delay_s: 1 })
    await page.goto(`${base}/accounts/${row.id}`)
    const why = circuit(page, SOCKETS).locator('.why.tripped')
    await why.locator('.num', { hasText: '高于限值 3 W' }).waitFor(SLOW)
    await circuit(page, SOCKETS).locator('.badge', { hasText: '须复位' }).waitFor(SLOW)
    assert.match(await why.innerText(), /功率超限|夜间超限/)
    await page.evaluate(() => localStorage.setItem('yufu.language', 'en'))
    await page.goto(`${base}/accounts/${row.id}/trips`)
    await circuit(page, SOCKETS).locator('.why.tripped', { hasText: 'above 3 W' }).waitFor()
    await page.locator('[role=tabpanel] li', { hasText: 'above 3 W' }).first().waitFor()
    await page.evaluate(() => localStorage.setItem('yufu.language', 'zh-CN'))
    await page.goto(`${base}/terminals?only=locked`)
    await page.locator('[data-terminal]', { hasText: row.name }).waitFor()
    await page.goto(`${base}/ranking`)
    await page.locator('tbody tr', { hasText: row.name }).waitFor()
    await setLimits(page, row, { power_w: 2000, recloses: 3, delay_s: 1 })
    tripped = row.id
  }

  tests['an account has no tab that its reader is refused'] = async (page) => {
    await enterAs(page, 'warden')
    const [row] = await wallRows(page)
    for (const who of ['warden', 'engineer']) {
      await switchTo(page, who)
      await page.goto(`${base}/accounts/${row.id}`)
      await page.locator('[role=tab]').first().waitFor()
      for (const tab of await page.locator('[role=tab]').all()) {
        await tab.click()
        await page.locator('[role=tabpanel]:not([hidden])').waitFor()
        await page.waitForFunction(() => !document.querySelector('[role=tabpanel] [role=status].empty'))
        assert.equal(await page.locator('[role=tabpanel] [role=alert]').count(), 0, `${who}: ${await tab.innerText()}`)
      }
    }
  }

  tests['a cashier is told why he may not reset, a warden resets but does not lock'] = async (page) => {
    await enterAs(page, 'cashier')
    await dormRooms(page)
    if (!tripping) skip('the test that trips a circuit was left out')
    assert.ok(tripped, 'the test before has tripped no circuit')
    const locked = (await ask(page, '/projects/1/terminals?only=locked')).terminals.find((one) => one.account_id === tripped)
    assert.ok(locked, 'the circuit that was tripped is not locked')
    const row = { id: locked.account_id, name: locked.name }
    const n = locked.circuits.findIndex((one) => one.locked) + 1
    const refusal = (path, body) => page.evaluate(async ([where, what]) => {
      const csrf = (await (await fetch('/api/v1/me')).json()).csrf
      const answer = await fetch(`/api/v1${where}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf, 'Idempotency-Key': `web-${Math.random().toString(36).slice(2)}-${Date.now()}` }, body: JSON.stringify(what) })
      return { status: answer.status, code: (await answer.json()).code }
    }, [path, body])
    const orders = `/meters/${locked.meter_id}/terminal/orders`
    await page.goto(`${base}/accounts/${row.id}`)
    await page.locator('.terminal .foot', { hasText: '复位须由' }).waitFor()
    assert.equal(await circuit(page, n).locator('.bar .chip', { hasText: '复位' }).count(), 0)
    assert.deepEqual(await refusal(orders, { circuit: n, order: 'reset', reason: 'x' }), { status: 403, code: 'AUTH_FORBIDDEN' })
    await switchTo(page, 'warden')
    await page.goto(`${base}/accounts/${row.id}`)
    await page.locator('.terminal .foot', { hasText: '可以复位' }).waitFor()
    assert.equal(await circuit(page, n).locator('.bar .chip', { hasText: '锁定' }).count(), 0)
    assert.equal(await page.locator('.supply .danger').count(), 0)
    assert.deepEqual(await refusal(orders, { circuit: n, order: 'lock', reason: 'x' }), { status: 403, code: 'TERMINALS_LOCK' })
    await order(page, row, n, '复位', '违规电器已移除')
    await circuit(page, n).locator('.says[data-state=done]').waitFor(SLOW)
    await circuit(page, n).locator('.why.tripped').waitFor({ state: 'hidden', ...SLOW })
    await page.waitForFunction((i) => document.querySelector(`.terminal li[data-circuit="${i}"] .line .good`), n, SLOW)
    page.expected = /403/
  }

  tests['people are told by name, on a receipt as well'] = async (page) => {
    await enterAs(page, 'cashier')
    const [row] = (await wallRows(page)).filter((one) => one.wallet === 'platform')
    await page.goto(`${base}/sale?account=${row.id}`)
    await page.locator('#amount').fill('1')
    await page.keyboard.press('Enter')
    await page.locator('[data-yes]').click()
    await page.locator('.done .trail').waitFor()
    const [{ order_id: order }] = (await ask(page, `/accounts/${row.id}/orders`)).orders
    await switchTo(page, 'warden')
    assert.deepEqual((await ask(page, '/projects/1/people')).people.map((one) => one.name).filter((name) => ['cashier', 'warden'].includes(name)), ['cashier', 'warden'])
    await switchTo(page, 'finance')
    await page.goto(`${base}/receipt/${row.id}/${order}`)
    await page.locator('.paper, .slip, article', { hasText: order }).first().waitFor()
    await page.waitForFunction(() => document.body.innerText.includes('cashier'))
  }

  tests['a page that the role does not use says so, and offers nothing'] = async (page) => {
    await enterAs(page, 'warden')
    for (const path of ['/import', '/sale', '/shift', '/plans/dorm']) {
      await page.goto(base + path)
      await page.locator('.denied h1').waitFor()
      assert.equal(await page.locator('main button, main input').count(), 0, path)
    }
    await page.locator('.denied a').click()
    await page.locator('[data-tile]').first().waitFor()
  }

  tests['the white list is written and read back, and learning begins and ends'] = async (page) => {
    await enterAs(page, 'engineer')
    const row = await room(page)
    await openSettings(page, row, SOCKETS, 'white_list')
    const before = await registerOf(page, row.meters[0], 'white_list', SOCKETS)
    if (before.value.loads.length === 8) skip('the list is full')
    await dialog(page).locator('.white > .chip').click()
    const count = before.value.loads.length + 1
    await dialog(page).locator('.white li input').nth(2 * count - 2).fill('1234')
    await dialog(page).locator('.white li input').nth(2 * count - 1).fill('-20')
    await writeAndRead(page)
    const after = await registerOf(page, row.meters[0], 'white_list', SOCKETS)
    assert.deepEqual(after.value.loads.at(-1), { power_w: 1234, reactive_var: -20 })
    const [begin] = [dialog(page).locator('.learn .bar .chip').first()]
    await begin.click()
    await dialog(page).locator('.learn > .warn').waitFor(SLOW)
    await dialog(page).locator('.learn .says[data-state=done]').waitFor(SLOW)
    await dialog(page).locator('.learn .bar .chip').nth(1).click()
    await dialog(page).locator('.learn > .warn').waitFor({ state: 'hidden', ...SLOW })
  }

  tests['one setting goes to every terminal of a floor'] = async (page) => {
    await enterAs(page, 'engineer')
    const row = await room(page)
    const floor = row.place.split('/').slice(0, -1).join('/')
    const { counts } = await ask(page, `/projects/1/terminals?under=${encodeURIComponent(floor)}`)
    await openSettings(page, row, 3, 'holiday')
    await page.locator('#terminal-under').selectOption(floor)
    await page.locator('#terminal-reason').fill('浏览器测试')
    const submit = dialog(page).locator('button[type=submit]')
    await page.waitForFunction((n) => document.querySelector('.el-dialog.settings button[type=submit]')?.innerText.includes(n), String(counts.all))
    await submit.click()
    await dialog(page).locator('[role=status]', { hasText: String(counts.all) }).waitFor()
    await dialog(page).locator('.acts .says[data-state=done]').waitFor(SLOW)
    await page.waitForFunction(async (where) => (await (await fetch(where)).json()).counts.waiting === 0, `/api/v1/projects/1/terminals?under=${encodeURIComponent(floor)}`, { ...SLOW, polling: 1000 })
    assert.equal((await ask(page, `/projects/1/terminals?under=${encodeURIComponent(floor)}`)).counts.failed, 0)
  }

  tests['while the gateway is away an order is unknown, and it comes to an end when it is back'] = async (page) => {
    if (!gateway) skip('the process of the gateway is not known')
    await enterAs(page, 'warden')
    const row = await room(page)
    process.kill(gateway, 'SIGSTOP')
    try {
      await order(page, row, SOCKETS, '复位', '浏览器测试')
      const said = circuit(page, SOCKETS).locator('.says')
      assert.equal(await said.getAttribute('data-state'), 'pending')
      await page.locator('.terminal .offline').waitFor(SLOW)
      await circuit(page, SOCKETS).locator('.says', { hasText: '结果未知' }).waitFor()
      await circuit(page, SOCKETS).locator('.says[data-state=unknown]').waitFor(SLOW)
    } finally {
      process.kill(gateway, 'SIGCONT')
    }
    await page.locator('.terminal .offline').waitFor({ state: 'hidden', ...SLOW })
    await circuit(page, SOCKETS).locator('.says[data-state=done], .says[data-state=refused]').waitFor(SLOW)
  }

  return tests
}
