// The mass-cut breaker at the console: it says so, one person asks, another grants.
import assert from 'node:assert/strict'
import { findings } from './browser.mjs'

export function breakerTests({ base, enter, ask, wallRows, skip, staff, switchTo }) {
  const tests = {}

  /** One cut after the other by hand, until the breaker stops it; the meters that were cut. */
  const cutUntilStopped = (page, meters) => page.evaluate(async (all) => {
    const { csrf } = await (await fetch('/api/v1/me')).json()
    const cut = []
    for (const meter of all) {
      const answer = await fetch(`/api/v1/meters/${meter}/relay`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf, 'Idempotency-Key': `breaker-cut-${meter}` }, body: JSON.stringify({ circuit: 0, desired: 'open', reason: 'breaker' }) })
      if (answer.status === 202) cut.push(meter)
      else if ((await answer.json()).code === 'CONTROL_BREAKER') return { cut, stopped: true }
    }
    return { cut, stopped: false }
  }, meters)

  const restore = (page, meters) => page.evaluate(async (all) => {
    const { csrf } = await (await fetch('/api/v1/me')).json()
    for (const meter of all) await fetch(`/api/v1/meters/${meter}/relay`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf, 'Idempotency-Key': `breaker-back-${meter}` }, body: JSON.stringify({ circuit: 0, desired: 'closed', reason: 'breaker' }) })
  }, meters)

  /** The dialog that asks for a reason, by the keyboard alone. */
  async function say(page, button, reason) {
    await button.focus()
    await page.keyboard.press('Enter')
    await page.locator('#reason-text').waitFor()
    await page.locator('#reason-text').fill(reason)
    assert.deepEqual(await findings(page), [])
    await page.keyboard.press('Control+Enter')
    await page.locator('.el-dialog').waitFor({ state: 'hidden' })
  }

  tests['mass cuts that were stopped are let through by a second person, never by the one who asked'] = async (page) => {
    if (!staff.officer) skip('nobody here is officer')
    await enter(page)
    const { cut, stopped } = await cutUntilStopped(page, (await wallRows(page)).flatMap((row) => row.meters))
    const { id } = (await ask(page, '/me')).projects[0]
    try {
      assert.ok(stopped, `${cut.length} cuts and nothing stopped them`)
      await page.goto(`${base}/events`)
      await page.locator('.breaker-banner.tripped').waitFor()
      const { cuts, limit } = await ask(page, `/projects/${id}/breaker`) // fee control may have cut one as well
      assert.match(await page.locator('.breaker-banner').innerText(), new RegExp(`熔断.* ${cuts} .* ${limit} `))
      assert.equal(cuts, limit)
      assert.ok(cut.length <= cuts)
      await page.locator('.breaker-banner a').click()
      const card = page.locator('[data-breaker]')
      await card.waitFor()
      await say(page, card.locator('header .chip'), 'two buildings are empty')
      await card.locator('.request', { hasText: 'two buildings are empty' }).waitFor()
      assert.equal(await card.locator('.request .strong').count(), 0) // who asked is not offered to grant it
      await switchTo(page, 'officer')
      await page.goto(`${base}/approvals`)
      await say(page, card.locator('.request .strong'), 'seen on site')
      await page.locator('[data-breaker].released').waitFor()
      await card.locator('.request', { hasText: 'seen on site' }).waitFor()
      const { state, request } = await ask(page, `/projects/${id}/breaker`)
      assert.equal(state, 'released')
      assert.notEqual(request.decided_by, request.asked_by)
    } finally {
      await restore(page, cut)
    }
    page.expected = /409/
  }

  return tests
}
