// Rules at the console: strategies before they are saved, packages, terms of an account, a plan over a month.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { findings } from './browser.mjs'

export function rulesTests({ base, enter, ask, wallRows, skip, staff, switchTo }) {
  const tests = {}

  tests['before a strategy is saved it says who would be warned or cut, by the keyboard alone'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/strategies/standard`)
    const run = page.locator('#preview .el-button')
    await run.waitFor()
    await page.waitForFunction(() => !document.querySelector('#preview .el-button')?.disabled)
    await run.focus()
    await page.keyboard.press('Enter')
    await page.locator('#preview table').first().waitFor()
    const me = await ask(page, '/me')
    const { strategies } = await ask(page, `/projects/${me.projects[0].id}/strategies`)
    const number = (text) => Number(/\d+/.exec(text)?.[0])
    await page.waitForFunction(() => !document.querySelector('#preview progress'))
    assert.equal(number(await page.locator('#preview [role=status] p').first().innerText()), strategies.find((one) => one.code === 'standard').accounts)
    // The same text as the strategy in force: nobody is newly warned or cut.
    assert.ok((await page.locator('#preview .tables tbody td:last-child').allInnerTexts()).every((text) => text.trim() === '0'))
    // Another text: the counts are of the one before, and whoever saves is told so.
    await page.locator('.levels input').first().fill('900.00')
    await page.locator('#preview .warn').first().waitFor()
    await page.waitForFunction(() => !document.querySelector('.page-head .el-button--primary')?.disabled)
    await page.locator('.page-head .el-button--primary').click()
    await page.locator('.el-dialog .warn').first().waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    await page.waitForFunction(() => !document.querySelector('#preview .el-button')?.disabled)
    await run.focus()
    await page.keyboard.press('Enter')
    await page.locator('#preview .rooms tbody tr').first().waitFor()
    await page.waitForFunction(() => !document.querySelector('#preview progress'))
    assert.ok(number(await page.locator('#preview table').first().locator('tbody tr').first().locator('td').nth(1).innerText()) > 0)
    await page.locator('#preview .rooms summary').first().focus()
    await page.keyboard.press('Enter')
    await page.locator('#preview details .quiet').first().waitFor() // a demonstration has no whole day behind it
    page.on('dialog', (dialog) => dialog.accept()) // leaving without saving
  }

  /** A day without the uplink passes too slowly for a browser: what the interface says of a permission. */
  const given = { given: true, made_at: 1788220800, valid_from: 1788220800, valid_until: 1788307200, left_wh: 9921, reasons: [] }
  const none = {
    given: false, made_at: null, valid_from: null, valid_until: null, left_wh: null,
    reasons: [{ code: 'KEEP_POWER', zh: '已设保电。', en: 'Keep-power is on.' }, { code: 'plan_free', zh: '价格方案中存在单价可能为零的时段。', en: 'Under the price plan a unit may cost nothing at some time.' }],
  }

  tests['a room says what its gateway may do without the platform, or why it may do nothing'] = async (page) => {
    await enter(page)
    const { id } = (await wallRows(page)).find((row) => row.wallet === 'platform') ?? (await wallRows(page))[0]
    let away = given
    await page.route(`**/api/v1/accounts/${id}`, async (route) => {
      const answer = await route.fetch()
      const account = await answer.json()
      assert.ok('away' in account, 'the interface says nothing of permissions')
      await route.fulfill({ response: answer, json: { ...account, away } })
    })
    const said = async (lang) => {
      await page.evaluate((l) => localStorage.setItem('yufu.language', l), lang)
      await page.goto(`${base}/accounts/${id}`)
      const box = page.locator('.decision .away')
      await box.waitFor()
      return (await box.innerText()).replace(/\s+/g, ' ')
    }
    for (const text of ['9.921', '2026-09-02']) {
      assert.ok((await said('zh-CN')).includes(text))
      assert.ok((await said('en')).includes(text))
    }
    assert.match(await said('zh-CN'), /可自行停供/)
    assert.match(await said('en'), /may cut by itself/)
    assert.deepEqual(await findings(page), [])
    away = none
    assert.match(await said('zh-CN'), /不会自行停供.*已设保电。.*单价可能为零/)
    assert.match(await said('en'), /cuts nothing.*Keep-power is on\..*cost nothing/)
    assert.deepEqual(await findings(page), [])
    await page.unroute(`**/api/v1/accounts/${id}`)
  }

  tests['the share of a payment that is kept is tried on a payment before it is set, by the keyboard alone'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/charges`)
    const { id } = (await ask(page, '/me')).projects[0]
    const before = (await ask(page, `/projects/${id}/rerates`)).kept_percent
    const change = page.locator('.foot .chip')
    const form = page.locator('form.kept')
    const set = async (percent, reason) => {
      await change.focus()
      await page.keyboard.press('Enter')
      await form.waitFor()
      await page.waitForFunction(() => document.activeElement?.classList.contains('percent'))
      await page.keyboard.press('Control+A')
      await page.keyboard.type(String(percent))
      await form.locator('textarea').fill(reason)
    }
    await change.waitFor()
    await set('101', 'too much')
    await form.locator('[role=alert]').waitFor()
    assert.ok(await form.locator('button[type=submit]').isDisabled())
    await form.locator('.percent').fill('35')
    await form.locator('.effect', { hasText: '35.00' }).waitFor()
    assert.match(await form.locator('.effect').innerText(), /100\.00.*35\.00.*65\.00/)
    assert.deepEqual(await findings(page), [])
    await form.locator('textarea').focus()
    await page.keyboard.press('Control+Enter')
    await form.waitFor({ state: 'hidden' })
    await page.locator('.foot', { hasText: '35%' }).waitFor()
    assert.equal((await ask(page, `/projects/${id}/rerates`)).kept_percent, 35)
    await set(before, 'as it was')
    await page.keyboard.press('Control+Enter')
    await form.waitFor({ state: 'hidden' })
  }

  tests['a gateway says what it may cut alone'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/gateways`)
    const list = page.locator('[data-permits]').first()
    await list.locator('summary').focus()
    await page.keyboard.press('Enter')
    const { id } = (await ask(page, '/me')).projects[0]
    const gateway = (await ask(page, `/projects/${id}/gateways`)).gateways[0]
    const { permits } = await ask(page, `/gateways/${gateway.id}/permits`)
    await list.locator('p').waitFor()
    assert.equal(await list.locator('tbody tr').count(), permits.length)
    assert.deepEqual(await findings(page), [])
  }

  tests['the legacy seal of a gateway is allowed with a reason, warned of, and ended, by the keyboard alone'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/gateways`)
    await page.locator('.quietly .chip').first().focus()
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'seal-text')
    assert.ok(await page.locator('form.seal button[type=submit]').isDisabled())
    await page.keyboard.type('an old gateway')
    assert.deepEqual(await findings(page), [])
    await page.keyboard.press('Enter')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    await page.locator('.warning', { hasText: 'an old gateway' }).waitFor()
    await page.locator('.warning .chip').focus()
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'reason-text')
    await page.keyboard.type('it was replaced')
    await page.keyboard.press('Enter')
    await page.locator('.warning').waitFor({ state: 'detached' })
  }

  tests['a package is made, chosen by a contract, and found with who chose it'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/packages`)
    await page.locator('.page-head .chip').click()
    const form = page.locator('.el-dialog form')
    await form.waitFor()
    await form.locator('input').nth(0).fill('gentle')
    await form.locator('input').nth(1).fill('温和')
    await form.locator('input').nth(2).fill('Gentle')
    await form.locator('select').nth(1).selectOption('safe')
    await form.locator('button[type=submit]').click()
    const entry = page.locator('ul > li', { hasText: 'gentle' }).first()
    await entry.waitFor()
    const [row] = await wallRows(page)
    await page.goto(`${base}/accounts/${row.id}`)
    await page.locator('.package .chip').click()
    await page.locator('.el-dialog select').selectOption('gentle')
    await page.locator('.el-dialog button[type=submit]').click()
    await page.locator('.package strong').waitFor()
    await page.goto(`${base}/packages`)
    await entry.waitFor()
    await entry.locator('summary').last().click()
    await entry.locator(`a[href="/accounts/${row.id}"]`).waitFor()
  }

  /** What the console would send, with the page's own log-in. */
  const send = (page, path, body) => page.evaluate(async ([where, what]) => {
    const { csrf } = await (await fetch('/api/v1/me')).json()
    const answer = await fetch(`/api/v1${where}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf, 'Idempotency-Key': `two-persons-${where.length}-${JSON.stringify(what).length}` }, body: JSON.stringify(what) })
    return answer.status
  }, [path, body])

  tests['a cut for two persons says what it rests on; who approved it is not asked to release it, another is'] = async (page) => {
    if (!staff.officer) skip('nobody here is officer')
    await enter(page)
    const { id } = (await ask(page, '/me')).projects[0]
    const row = (await wallRows(page)).filter((one) => one.wallet === 'platform' && one.relay_open === 0 && one.available_fen > 1000)[5]
    const above = (row.available_fen / 100 + 100).toFixed(2)
    const strategy = { levels: [above, above, above], restore: { above }, cut: { at: above, approval: 'two', grace_s: 0, from: '00:00', to: '24:00', weekdays: [1, 2, 3, 4, 5, 6, 7], holidays: true, makeup: true } }
    const { now } = await ask(page, `/projects/${id}/wall`)
    assert.equal(await send(page, `/projects/${id}/strategies`, { code: 'two-persons', version: 1, effective_at: now, past: false, text: JSON.stringify(strategy), reason: 'a trial' }), 201)
    assert.equal(await send(page, `/projects/${id}/fee-packages`, { code: 'two-persons', name_zh: '两人', name_en: 'Two', strategy: 'two-persons', channels: '', restore: 'strategy', offered: true, effective_at: now }), 201)
    assert.equal(await send(page, `/accounts/${row.id}/fee-package`, { package: 'two-persons' }), 200)
    const mine = async () => (await ask(page, `/projects/${id}/approvals?open=1`)).approvals.find((one) => one.account_id === row.id && one.detail.cut_at_fen === Math.round(above * 100))
    for (let i = 0; i < 60 && !(await mine()); i++) await page.waitForTimeout(2000)
    assert.ok(await mine(), 'nothing was proposed')
    await page.goto(`${base}/approvals`)
    const entry = page.locator('.entries > li', { hasText: row.code })
    await entry.waitFor()
    assert.ok((await entry.innerText()).replaceAll(',', '').includes(`¥${above}`), 'the limit is not said')
    const decide = async (button, reason) => {
      await button.click()
      await page.locator('#reason-text').fill(reason)
      await page.keyboard.press('Control+Enter')
      await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    }
    assert.equal(await entry.locator('button').count(), 2)
    await decide(entry.locator('button').first(), 'told three times')
    await entry.locator('.badge', { hasText: '待放行' }).waitFor()
    assert.equal(await entry.locator('button').count(), 1) // to refuse
    assert.deepEqual(await findings(page), [])
    await switchTo(page, 'officer')
    await page.goto(`${base}/approvals`)
    await entry.waitFor()
    assert.equal(await entry.locator('button').count(), 2)
    await decide(entry.locator('button').last(), 'will pay tomorrow') // nobody is cut for a trial
    await entry.waitFor({ state: 'detached' })
    await switchTo(page, 'second')
    assert.equal(await send(page, `/accounts/${row.id}/fee-package`, { package: '' }), 200)
  }

  tests['a month says that its books agree, in words, in its file and over the interface'] = async (page) => {
    await enter(page)
    const { id } = (await ask(page, '/me')).projects[0]
    await page.goto(`${base}/month`)
    await page.locator('#month-sum').waitFor()
    await page.locator('.verdict.good').waitFor()
    assert.deepEqual(await findings(page), [])
    const month = (await page.locator('h1 .num').innerText()).replace('-', '')
    const told = await ask(page, `/projects/${id}/month?month=${month}`)
    assert.equal(told.difference_fen, told.opening_fen + told.in_fen - told.out_fen - told.closing_fen)
    assert.equal(told.books.reduce((sum, book) => sum + book.closing_fen, 0), told.closing_fen)
    const file = page.waitForEvent('download')
    await page.locator('.page-head .chip', { hasText: 'CSV' }).click()
    const rows = readFileSync(await (await file).path(), 'utf8').replace('\ufeff', '').trim().split('\r\n').map((line) => line.split(','))
    const figure = (name) => Math.round(Number(rows.find((row) => row[1] === name)[3]) * 100)
    assert.equal(figure('期初余额'), told.opening_fen)
    assert.equal(figure('本期流入'), told.in_fen)
    assert.equal(figure('期末余额'), told.closing_fen)
    assert.equal(figure('差额'), 0)
    // This month goes as far as its days are closed, or says that none is.
    await page.locator('.page-head .chip', { hasText: '下月' }).click()
    await page.waitForURL(/\/month\/\d{6}$/)
    await page.locator('#main a[href="/days"]').waitFor()
    assert.deepEqual(await findings(page), [])
    assert.ok(await page.locator('.page-head .chip', { hasText: '下月' }).isDisabled())
    page.expected = /409/
  }

  tests['what does not exist has a heading, says so and a way back; every page has a title'] = async (page) => {
    await enter(page)
    for (const [path, back] of [['/plans/none', '/plans'], ['/plans/none?view=json', '/plans'], ['/strategies/none', '/strategies'], ['/accounts/999999', '/'], ['/accounts/999999/bills', '/']]) {
      await page.goto(base + path)
      await page.locator('#main [role=alert]').waitFor()
      assert.equal(await page.locator('h1:visible').count(), 1, path)
      assert.deepEqual(await findings(page), [])
      await page.locator(`#main a[href="${back}"]`).click()
      await page.waitForURL((url) => url.pathname === back)
    }
    for (const path of ['/receipt/1/none-none', '/voucher/999999/none-none']) {
      await page.goto(base + path)
      await page.locator('[role=alert]').waitFor()
      assert.equal(await page.locator('h1:visible').count(), 1, path)
      await page.locator('.tools button').first().click()
      await page.waitForURL((url) => url.pathname === '/')
    }
    for (const path of ['/nowhere', '/accounts/x', '/month/20261', '/terminals', '/ranking', '/readings', '/month', '/voucher/999999/none-none']) {
      await page.goto(base + path)
      await page.locator('h1').first().waitFor({ state: 'attached' })
      assert.doesNotMatch(await page.title(), /title\./, path)
    }
    page.expected = /404|422|409/
  }

  tests['a version whose answer was lost is known when its form is closed, and what is edited meanwhile stays'] = async (page) => {
    await enter(page)
    const { id } = (await ask(page, '/me')).projects[0]
    const { now } = await ask(page, `/projects/${id}/wall`)
    const text = JSON.stringify({ levels: ['30.00', '10.00', '0.00'] })
    assert.equal(await send(page, `/projects/${id}/strategies`, { code: 'unanswered', version: 1, effective_at: now, past: false, text, reason: 'the first one' }), 201)
    await page.goto(`${base}/strategies/unanswered?view=json`)
    const editor = page.locator('textarea').first()
    await editor.waitFor()
    await editor.fill(JSON.stringify({ levels: ['31.00', '10.00', '0.00'] }, null, 2))
    const save = page.locator('.page-head button, .acts button, button').filter({ hasText: '保存' }).first()
    await save.click()
    await page.locator('#save-text').fill('one yuan more')
    let lost = 0
    await page.route(/\/strategies$/, async (route) => {
      if (route.request().method() !== 'POST' || lost++) return route.continue()
      await route.fetch()
      await route.abort()
    })
    await page.locator('form.save button[type=submit]').click()
    await page.locator('form.save [role=alert]').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    for (let i = 0; i < 20 && !(await save.isDisabled()); i++) await page.waitForTimeout(250)
    assert.ok(await save.isDisabled()) // nothing is left to be saved
    const { versions } = await ask(page, `/projects/${id}/strategies/versions?code=unanswered`)
    assert.equal(versions.length, 2)
    // Edited meanwhile: the next form names the next version.
    await editor.fill(JSON.stringify({ levels: ['32.00', '10.00', '0.00'] }, null, 2))
    await save.click()
    await page.locator('.el-dialog', { hasText: '3' }).waitFor()
    await page.locator('#save-text').fill('two yuan more')
    await page.locator('form.save button[type=submit]').click()
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    assert.equal((await ask(page, `/projects/${id}/strategies/versions?code=unanswered`)).versions.length, 3)
    page.expected = /ERR_FAILED/
  }

  tests['cuts of one evening are looked at and decided together, each on its own; what a colleague decided since is left alone'] = async (page) => {
    await enter(page)
    const { id } = (await ask(page, '/me')).projects[0]
    const rows = (await wallRows(page)).filter((one) => one.wallet === 'platform' && one.relay_open === 0 && one.available_fen > 1000).slice(-6)
    const above = '90000.00'
    const strategy = { levels: [above, above, above], restore: { above }, cut: { at: above, approval: 'two', grace_s: 0, from: '00:00', to: '24:00', weekdays: [1, 2, 3, 4, 5, 6, 7], holidays: true, makeup: true } }
    const { now } = await ask(page, `/projects/${id}/wall`)
    assert.equal(await send(page, `/projects/${id}/strategies`, { code: 'evening', version: 1, effective_at: now, past: false, text: JSON.stringify(strategy), reason: 'a trial of an evening' }), 201)
    assert.equal(await send(page, `/projects/${id}/fee-packages`, { code: 'evening', name_zh: '傍晚', name_en: 'Evening', strategy: 'evening', channels: '', restore: 'strategy', offered: true, effective_at: now }), 201)
    const choose = (one, name) => page.evaluate(async ([account, code]) => {
      const { csrf } = await (await fetch('/api/v1/me')).json()
      const answer = await fetch(`/api/v1/accounts/${account}/fee-package`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf, 'Idempotency-Key': crypto.randomUUID() }, body: JSON.stringify({ package: code }) })
      return answer.status
    }, [one.id, name])
    for (const one of rows) assert.equal(await choose(one, 'evening'), 200)
    const mine = async () => (await ask(page, `/projects/${id}/approvals?open=1&limit=500`)).approvals.filter((one) => rows.some((row) => row.id === one.account_id) && one.detail.cut_at_fen === 9_000_000)
    for (let i = 0; i < 90 && (await mine()).length < rows.length; i++) await page.waitForTimeout(2000)
    const waiting = await mine()
    assert.equal(waiting.length, rows.length, 'not all were proposed')
    await page.goto(`${base}/approvals`)
    const bar = page.locator('.chooser')
    const box = (row) => page.locator('.entries > li', { hasText: row.code }).locator('input[type=checkbox]')
    await box(rows[0]).waitFor()
    assert.deepEqual(await findings(page), [])
    for (const row of rows) {
      await box(row).focus()
      await page.keyboard.press('Space')
    }
    assert.match(await bar.innerText(), new RegExp(`${rows.length}`))
    await bar.locator('button').first().click()
    const dialog = page.locator('.el-dialog')
    await dialog.locator('tbody tr').first().waitFor()
    assert.equal(await dialog.locator('tbody tr').count(), rows.length) // each is said before it is decided
    assert.deepEqual(await findings(page), [])
    // Meanwhile a colleague says no to one of them.
    assert.equal(await send(page, `/projects/${id}/approvals/decide`, { id: waiting[0].id, act: 'refuse', reason: 'paid at the desk' }), 200)
    await page.locator('#reason-text').fill('told three times')
    await dialog.locator('button[type=submit]').dblclick()
    await page.locator('.result').waitFor()
    assert.equal(await page.locator('.result li').count(), 1)
    assert.ok((await page.locator('.result li').innerText()).includes(waiting[0].account_code))
    assert.equal((await mine()).filter((one) => one.state === 'approved').length, rows.length - 1)
    // Who approved does not release; to refuse is always possible.
    await box(rows.find((row) => row.id !== waiting[0].account_id)).waitFor()
    for (const row of rows.filter((one) => one.id !== waiting[0].account_id)) await box(row).check()
    assert.equal(await bar.locator('button').count(), 1)
    await bar.locator('button').click()
    await page.locator('#reason-text').fill('will pay tomorrow')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'hidden' })
    for (let i = 0; i < 10 && (await mine()).length; i++) await page.waitForTimeout(500)
    assert.deepEqual(await mine(), [])
    for (const one of rows) assert.equal(await choose(one, ''), 200)
  }

  tests['terms of an account are entered with a date to come; numbers and times are refused at their fields'] = async (page) => {
    await enter(page)
    const rows = await wallRows(page)
    const { id } = rows[2]
    await page.goto(`${base}/accounts/${id}`)
    const card = page.locator('section.terms')
    const change = card.locator('.head .chip').first()
    const form = page.locator('form.dated')
    const send = form.locator('button[type=submit]')
    const open = async () => {
      await change.focus()
      await page.keyboard.press('Enter')
      await form.waitFor()
    }
    await change.waitFor()
    await open()
    await form.locator('[data-place=persons] input').fill('5')
    await form.locator('[data-place=area_milli_m2] input').fill('90,5')
    await form.locator('textarea').fill('contract 17')
    await form.locator('[data-place=area_milli_m2] .note.bad').waitFor()
    assert.ok(await send.isDisabled())
    await form.locator('[data-place=area_milli_m2] input').fill('90.5')
    await send.click() // from the beginning, as the first terms may
    await form.waitFor({ state: 'hidden' })
    await card.locator('dd', { hasText: '90.5 m²' }).waitFor()
    await open()
    await form.locator('[data-place=from] input[type=date]').fill('2001-01-01')
    await form.locator('textarea').fill('too early')
    await send.click()
    await form.locator('[data-place=from] .note.bad').waitFor() // that was settled already: only if it is meant
    await form.locator('.sure input').waitFor()
    assert.ok(await send.isDisabled())
    assert.deepEqual(await findings(page), [])
    await form.locator('[data-place=from] input[type=date]').fill('2099-12-01')
    await form.locator('.sure').waitFor({ state: 'detached' })
    await form.locator('[data-place=persons] input').fill('7')
    assert.deepEqual(await findings(page), [])
    await send.click()
    await form.waitFor({ state: 'hidden' })
    await card.locator('li', { hasText: '2099-12-01' }).waitFor()
    const { terms } = await ask(page, `/accounts/${id}/terms`)
    assert.deepEqual(terms.map((one) => [one.from > 0, one.persons, one.area_milli_m2]), [[false, 5, 90500], [true, 7, 90500]])
    await card.locator('.meter .chip').first().click() // transformers
    await form.locator('[data-place=ratio] input').fill('0')
    await form.locator('[data-place=ratio] .note.bad').waitFor()
    await form.locator('[data-place=ratio] input').fill('40')
    await form.locator('[data-place=from] input[type=date]').fill('2099-12-01')
    await form.locator('textarea').fill('200/5 A')
    await send.click()
    await form.waitFor({ state: 'hidden' })
    await card.locator('.meter li', { hasText: '200/5 A' }).waitFor()
    page.expected = /409/
  }

  tests['dates of a plan are picked, pasted and removed in its form; the steps of a ladder have prices by month'] = async (page) => {
    const day = { periods: [{ from: '00:00', to: '24:00', rate: 'flat' }] }
    const wanted = { kind: 'time_of_use', rates_from: 'intervals', prices: { flat: '1', peak: '2' }, schedules: [{ dates: ['2026-08-03'], periods: [{ from: '00:00', to: '24:00', rate: 'peak' }] }, day] }
    await enter(page)
    const write = async (plan) => {
      await page.goto(`${base}/plans/+?view=json`)
      await page.locator('.text textarea').fill(JSON.stringify(plan))
      await page.locator('#tab-form').click()
    }
    const written = async () => {
      await page.locator('#tab-json').click()
      const plan = JSON.parse(await page.locator('.text textarea').inputValue())
      await page.locator('#tab-form').click()
      return plan
    }
    page.on('dialog', (dialog) => dialog.accept())
    await write(wanted)
    const box = page.locator('[data-place="schedules[0].dates"]')
    await box.locator('input').fill('2026-07-30')
    await box.locator('input').press('Enter')
    await box.locator('input').evaluate((input) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text', '2026-08-04, 2026-08-03; 2026-08-05')
      input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    })
    assert.deepEqual(await box.locator('li span').allInnerTexts(), ['2026-07-30', '2026-08-03', '2026-08-04', '2026-08-05'])
    await box.locator('li button').nth(2).focus()
    await page.keyboard.press('Enter')
    await page.locator('.check .good').waitFor()
    assert.deepEqual(await findings(page), [])
    assert.deepEqual((await written()).schedules[0].dates, ['2026-07-30', '2026-08-03', '2026-08-05'])
    await write({ kind: 'ladder', cycle: 'month', steps: [{ to: '200', price: '0.5' }, { price: '0.6' }] })
    await page.locator('summary', { hasText: '月份价格' }).click()
    await page.locator('.chip', { hasText: '增加月份组' }).click()
    const months = page.locator('[data-place="by_month[0].months"]')
    await months.locator('.chip').nth(6).click()
    await page.locator('[data-place="by_month[0].step_prices[1]"] input').fill('0.55')
    await page.locator('.check .good').waitFor()
    assert.deepEqual((await written()).by_month, [{ months: [7], step_prices: ['0.5', '0.55'] }])
    await page.locator('[data-place="by_month[0].step_prices[1]"] input').fill('-1')
    await page.locator('[data-place="by_month[0].step_prices[1]"] .note.bad').waitFor()
    assert.deepEqual(await findings(page), [])
  }

  tests['a plan that depends on its days is tried over a month of choice'] = async (page) => {
    const wanted = { kind: 'flat', price: '1', free_quota: { amount: '50', cycle: 'month', unused: 'expire' }, components: [{ code: 'tax', price: '0.1' }] }
    await enter(page)
    await page.goto(`${base}/plans/+?view=json`)
    await page.locator('.text textarea').fill(JSON.stringify(wanted))
    const trial = page.locator('.trial')
    await trial.locator('label', { hasText: '月' }).first().waitFor()
    await trial.locator('input').first().fill('200')
    await trial.locator('.strong', { hasText: '165.00' }).waitFor() // 150 at 1.10, 50 of 200 free
    wanted.kind = 'time_of_use'
    delete wanted.price
    Object.assign(wanted, { prices: { flat: '1' }, schedules: [{ months: [7], prices: { flat: '2' }, periods: [{ from: '00:00', to: '24:00', rate: 'flat' }] }, { periods: [{ from: '00:00', to: '24:00', rate: 'flat' }] }] })
    await page.locator('.text textarea').fill(JSON.stringify(wanted))
    const month = trial.locator('label', { hasText: '月份' }).locator('input')
    await month.fill('7')
    await trial.locator('input').first().fill('200')
    await trial.locator('.strong', { hasText: '315.00' }).waitFor() // July: 150 at 2.10
    await month.fill('8')
    await trial.locator('.strong', { hasText: '165.00' }).waitFor()
    page.on('dialog', (dialog) => dialog.accept())
  }

  return tests
}
