// Money at the console: asked back, exchanged, counted, given, and settlements that wait.
import assert from 'node:assert/strict'
import { findings } from './browser.mjs'

/** A version of a price plan, saved over the interface. */
export const savePlan = (page, project, csrf, body) => page.evaluate(async ([path, token, version]) => (await fetch(`/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token, 'Idempotency-Key': `trial-${version.code}-${version.version}-${version.effective_at}` }, body: JSON.stringify(version) })).status, [`/projects/${project.id}/price-plans`, csrf, { past: false, reason: 'a trial', ...body }])

export function moneyTests({ base, enter, ask, wallRows }) {
  const tests = {}

  tests['money is asked back by the keyboard alone, waits for another person, and is taken back'] = async (page) => {
    await enter(page)
    const rows = await wallRows(page)
    const { id } = rows[rows.length - 1]
    await page.goto(`${base}/accounts/${id}`)
    const refund = page.locator('.out .head button').first()
    await refund.waitFor()
    await refund.focus()
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'pay-amount')
    await page.keyboard.type('0.01')
    await page.keyboard.press('Tab')
    await page.waitForFunction(() => document.activeElement?.id === 'pay-text')
    await page.keyboard.type('Paid too much')
    await page.keyboard.press('Enter')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    const newest = async () => (await ask(page, `/accounts/${id}/money-requests`)).requests[0]
    const asked = await newest()
    assert.equal(asked.amount_fen, 1)
    assert.equal(asked.state, 'REQUESTED')
    await page.goto(`${base}/requests`)
    const acts = page.locator('main li').first().locator('button')
    await acts.first().waitFor()
    assert.equal(await acts.count(), 1) // who asked does not decide: taking back is all that is offered
    await acts.first().focus()
    await page.keyboard.press('Enter')
    await page.locator('#reason-text').waitFor()
    await page.waitForFunction(() => document.activeElement?.id === 'reason-text')
    await page.keyboard.type('not needed')
    await page.keyboard.press('Control+Enter')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    assert.equal((await newest()).state, 'REJECTED')
    await page.goto(`${base}/accounts/${id}/ledger`)
    await page.locator('#panel-ledger tbody tr').first().waitFor()
    assert.doesNotMatch(await page.locator('#panel-ledger tbody').innerText(), /[a-z_]+\.[a-z_]+/) // in words
  }

  tests['whoever goes to another field of a form while it opens stays there, and what is typed stays whole'] = async (page) => {
    await page.emulateMedia({ reducedMotion: 'no-preference' }) // with the animation that people see
    await enter(page)
    await page.goto(`${base}/accounts/${(await wallRows(page)).at(-2).id}`)
    await page.locator('.out .head button').first().click()
    await page.locator('#pay-text').evaluate((field) => field.focus()) // before the animation has ended
    await page.keyboard.type('Paid too much', { delay: 60 })
    assert.equal(await page.locator('#pay-text').inputValue(), 'Paid too much')
    assert.equal(await page.locator('#pay-amount').inputValue(), '')
    await page.locator('#pay-amount').fill('0.01')
    await page.locator('#pay-text').fill('租'.repeat(67)) // as long as the platform would refuse
    await page.locator('form.pay [role=alert]').waitFor()
    assert.ok(await page.locator('form.pay button[type=submit]').isDisabled())
    await page.locator('#pay-text').fill('租'.repeat(66))
    await page.locator('form.pay [role=alert]').waitFor({ state: 'detached' })
    assert.ok(await page.locator('form.pay button[type=submit]').isEnabled())
    await page.keyboard.press('Escape')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    assert.ok(await page.evaluate(() => document.activeElement?.matches('.out .head button'))) // back where it began
  }

  tests['money that was asked back without an answer is asked back once, however often it is entered'] = async (page) => {
    await enter(page)
    const { id } = (await wallRows(page)).at(-2)
    const dialog = page.locator('.el-dialog')
    const askBack = async (amount) => {
      await page.locator('.out .head button').first().click()
      await page.waitForFunction(() => document.activeElement?.id === 'pay-amount') // it takes the focus when it is open
      await dialog.locator('#pay-amount').fill(amount)
      await dialog.locator('#pay-text').fill('Paid too much')
      await dialog.locator('button[type=submit]').click()
    }
    await page.goto(`${base}/accounts/${id}`)
    await page.route('**/money-requests', async (route) => {
      if (route.request().method() !== 'POST') return route.fallback()
      await route.fetch()
      await route.abort()
    })
    await askBack('0.01')
    await dialog.locator('.problem').waitFor()
    await page.unroute('**/money-requests')
    assert.equal(await page.locator('.out li').count(), 0)
    await page.keyboard.press('Escape')
    await page.locator('.out li').first().waitFor() // whoever closes the form sees what was done after all
    await page.reload()
    await askBack('0.02') // something else: what was asked for before is told, this is not done
    await dialog.locator('.problem .code', { hasText: 'API_KEY_REUSED' }).waitFor()
    const { requests } = await ask(page, `/accounts/${id}/money-requests`)
    assert.deepEqual(requests.map((one) => one.amount_fen), [1])
    page.expected = /ERR_FAILED|422/
  }

  tests['an exchange of a meter is not sent without its evidence'] = async (page) => {
    await enter(page)
    const [row] = await wallRows(page)
    await page.goto(`${base}/accounts/${row.id}`)
    const begin = page.locator('.exchanges .head button').first()
    await begin.waitFor()
    await begin.focus()
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'exchange-address')
    const form = page.locator('form:has(#exchange-address)')
    const send = form.locator('button[type=submit]')
    await page.keyboard.type('000000000099')
    await form.locator('.field').nth(2).fill('12.5')
    assert.ok(await send.isDisabled()) // nobody says what was seen
    const model = form.locator('#exchange-model')
    await model.locator('option').nth(1).waitFor({ state: 'attached' })
    const { models } = await ask(page, '/meter-models')
    const old = (await ask(page, `/accounts/${row.id}`)).meters[0]
    assert.equal(await model.inputValue(), old.model)
    assert.equal(await model.locator('option').count(), models.filter((one) => one.kind === old.kind).length)
    const evidence = form.locator('.field').last()
    await evidence.fill('照'.repeat(67)) // 201 bytes
    await form.locator('[role=status]', { hasText: '201' }).waitFor()
    assert.equal(await evidence.evaluate((box) => box.validity.valid), false)
    await evidence.fill('photograph 17')
    assert.equal(await evidence.evaluate((box) => box.validity.valid), true)
    assert.ok(await send.isEnabled())
    await form.locator('.field').nth(2).fill('12,5')
    assert.ok(await send.isDisabled())
    await page.keyboard.press('Escape')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
  }

  tests['a shift is opened, counted blind and ended by the keyboard alone, and waits for another person'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/shift`)
    await page.waitForFunction(() => document.activeElement?.id === 'float')
    await page.keyboard.type('200.50')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'count-10000')
    const me = await ask(page, '/me')
    const { mine } = await ask(page, `/projects/${me.projects[0].id}/shifts`)
    assert.equal(mine.float_fen, 20050)
    assert.equal(mine.expected_fen, undefined) // blind
    await page.keyboard.type('2') // two hundreds
    for (let i = 0; i < 6; i++) await page.keyboard.press('Enter')
    await page.keyboard.type('3') // three of half a yuan
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter') // over the coins of ten fen, to the button
    await page.keyboard.press('Enter')
    await page.locator('.question').waitFor()
    await page.keyboard.press('Escape') // looks again: nothing was counted
    await page.waitForFunction(() => document.activeElement?.id === 'count-10000')
    await page.keyboard.type('2')
    for (let i = 0; i < 8; i++) await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await page.locator('.question').waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.result').waitFor()
    const { shifts } = await ask(page, `/projects/${me.projects[0].id}/shifts`)
    assert.equal(shifts[0].state, 'counted')
    assert.equal(shifts[0].counted_fen, 20000)
    assert.equal(shifts[0].difference_fen, -50)
    assert.equal(await page.locator('tbody tr').first().locator('button').count(), 0) // not by oneself
  }

  /** What the interface says of a late fee; the days of it pass too slowly for a browser. */
  const lateFee = {
    bill_id: 'late:20251231', service: 'late_fee', title: '7.2', amount_fen: 360, billed_at: 1767283200, billed_by: 'system', withdrawn_at: null, withdrawn_by: null,
    begun_day: 20251231, from_day: 20251231, to_day: 20260101, days: 2, exact: 360_000_000,
    lines: [
      { from_day: 20251231, to_day: 20251231, days: 1, arrears_fen: 90_000, prior_fen: 0, ppm: 1000, next_years_ppm: 3000, least_fen: 100, cap_permille: 1000, exact: 90_000_000, most_fen: 90_000, rounding: 'half_up', rule: 'least', clause: '7.2', amount_fen: 100 },
      { from_day: 20260101, to_day: 20260101, days: 1, arrears_fen: 90_000, prior_fen: 90_000, ppm: 1000, next_years_ppm: 3000, least_fen: 100, cap_permille: 1000, exact: 270_000_000, most_fen: 90_000, rounding: 'half_up', rule: 'rounded', clause: '7.2', amount_fen: 260 },
    ],
  }

  tests['a late fee is a bill whose lines say debt, days, rate, rounding and clause; its term is not saved without the clause'] = async (page) => {
    await enter(page)
    const { id } = (await wallRows(page))[1]
    await page.route(`**/accounts/${id}/dues`, async (route) => {
      const answer = await route.fetch()
      const dues = await answer.json()
      await route.fulfill({ response: answer, json: { ...dues, owed_fen: dues.owed_fen + 360, bills: [lateFee, ...dues.bills] } })
    })
    await page.goto(`${base}/accounts/${id}/bills`)
    const bill = page.locator('details.late')
    await bill.waitFor()
    await bill.locator('summary').focus()
    await page.keyboard.press('Enter')
    const rows = bill.locator('tbody tr')
    await rows.first().waitFor()
    const text = await bill.innerText()
    for (const wanted of ['2025-12-31', '2026-01-01', '¥900.00', '1 ‰', '3 ‰', '¥0.900000', '¥2.700000', '¥3.600000', '¥1.00', '¥2.60', '¥3.60', '7.2']) assert.ok(text.includes(wanted), `${wanted}: ${text}`)
    assert.equal(await rows.count(), 2)
    const card = page.locator('.dues')
    assert.match(await card.innerText(), /¥3\.60/)
    await card.locator('details summary').click()
    assert.equal(await card.locator('li').first().locator('button').count(), 0) // the contract's: nobody withdraws it
    assert.deepEqual(await findings(page), [])
    await page.unroute(`**/accounts/${id}/dues`)
    await card.locator('.head').last().locator('button').click()
    const clause = page.locator('#late-clause')
    await clause.waitFor()
    const save = page.locator('.el-dialog button[type=submit]')
    assert.ok(await save.isDisabled())
    await clause.fill('7.2')
    await save.click()
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
    assert.equal((await ask(page, `/accounts/${id}/dues`)).late_term.clause, '7.2')
  }

  tests['free credit is asked for as a list, and waits for another person'] = async (page) => {
    await enter(page)
    await page.goto(`${base}/runs`)
    await page.locator('.page-head .chip').first().click()
    const form = page.locator('.el-dialog form')
    await form.waitFor()
    const boxes = form.locator('input')
    await boxes.nth(0).fill('Beds')
    await form.locator('#each').fill('5')
    await form.locator('button[type=submit]').click()
    const entry = page.locator('.runs > li').first()
    await entry.waitFor()
    await entry.locator('summary').click()
    await entry.locator('tbody tr').first().waitFor()
    const me = await ask(page, '/me')
    const { runs } = await ask(page, `/projects/${me.projects[0].id}/runs`)
    assert.equal(runs[0].state, 'proposed')
    assert.equal(runs[0].total_fen, runs[0].lines * 500)
    assert.equal(await entry.locator('.bar button').count(), 1) // reject only: another person approves
    await entry.locator('.bar button').click()
    await page.locator('#reason-text').fill('a trial')
    await page.locator('.el-dialog button[type=submit]').click()
    await page.waitForFunction(() => !document.querySelector('.runs > li .bar button'))
  }

  /** A plan that prices one rate only, and the old one again after some minutes: what was used in between waits. */
  tests['settlements that wait are decided: by registers with numbers checked, charged to nobody, and all at once'] = async (page) => {
    await enter(page)
    const me = await ask(page, '/me')
    const project = me.projects[0]
    const home = `/projects/${project.id}`
    const { now } = await ask(page, `${home}/wall`)
    const { versions } = await ask(page, `${home}/price-plans/versions?code=shop`)
    const hour = new Date((now + project.utc_offset_s) * 1000).getUTCHours()
    const rate = hour < 9 ? 'peak' : 'valley' // one that is not used now
    const one = { kind: 'time_of_use', prices: { [rate]: '0.3' }, periods: [{ from: '00:00', to: '24:00', rate }] }
    const save = (version, effective_at, text) => savePlan(page, project, me.csrf, { code: 'shop', version, effective_at, text })
    assert.equal(await save(versions.length + 1, now + 30, JSON.stringify(one)), 201)
    assert.equal(await save(versions.length + 2, now + 430, versions[versions.length - 1].text), 201)
    const held = async () => (await ask(page, `${home}/held-charges`)).held
    for (let i = 0; i < 60 && (await held()).length < 4; i++) await page.waitForTimeout(2000)
    assert.ok((await held()).length >= 4)
    await page.goto(`${base}/charges`)
    const first = page.locator('.group li').first()
    const dialog = page.locator('.el-dialog')
    const decide = async (why) => {
      await dialog.locator('#reason-text').fill(why)
      await dialog.locator('button[type=submit]').click()
      await dialog.waitFor({ state: 'hidden' })
    }
    await first.waitFor()
    let [before] = await held()
    const waits = async (of) => (await held()).some((other) => other.account_id === of.account_id && other.opened_at === of.opened_at)
    const kwh = (wh) => String(wh / 1000)
    await first.locator('.row .chip').nth(before.hows.indexOf('registers')).click()
    const boxes = first.locator('.entry input')
    await boxes.nth(0).fill('12,5')
    await first.locator('.entry [role=alert]').waitFor()
    assert.ok(await first.locator('.entry button').isDisabled())
    // All of it was used in the rate that has a price.
    const used = 500
    for (const [i, name] of ['total', 'sharp', 'peak', 'flat', 'valley'].entries()) await boxes.nth(i).fill(kwh(before.opened[`${name}_wh`] + (name === 'total' || name === rate ? used : 0)))
    assert.deepEqual(await findings(page), [])
    await first.locator('.entry button').click()
    await decide('read on site')
    assert.ok(!(await waits(before)))
    const { settlements } = await ask(page, `/accounts/${before.account_id}/settlements`)
    assert.equal(settlements[0].energy_wh, used)
    assert.equal(settlements[0].bill.decided, 'registers');
    [before] = await held()
    await page.reload()
    await first.locator('.row .chip').nth(before.hows.indexOf('forgo')).click()
    await decide('nobody was supplied')
    assert.ok(!(await waits(before)))
    await page.reload()
    await page.locator('.why .chip').first().click()
    await decide('the meters count right')
    await page.waitForFunction(() => !document.querySelector('.group li'))
    assert.equal((await held()).length, 0)
  }

  return tests
}
