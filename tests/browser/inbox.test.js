/** The page of the local stack's inbox, used as a developer uses it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, codeFor, INBOX, mailTo, newAddress, newContext, violations } from './support.js'

async function open(use, options = {}) {
  const context = await newContext({ permissions: ['clipboard-read', 'clipboard-write'], ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  await page.goto(INBOX)
  try {
    await use(page)
    assert.deepEqual(faults, [])
  } finally {
    await context.close()
  }
}

const asked = (email) => ask('POST', '/v1/verification', { body: { email } })
const mailsTo = (page, email) => page.locator('article', { hasText: email })

test('a mail appears by itself, as text and as it was sent, and its code can be copied', () =>
  open(async (page) => {
    const email = newAddress()
    await page.getByLabel('To').fill(email)
    await asked(email)
    const code = await codeFor(email)
    const mail = mailsTo(page, email)
    await mail.waitFor()
    assert.match(await mail.locator('pre').innerText(), new RegExp(code))
    await mail.frameLocator('iframe').getByText(code).first().waitFor()
    await mail.getByRole('button', { name: 'Copy the code' }).click()
    await page.getByText(`${code} is copied.`).waitFor()
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code)
  }))

test('only the mails to one address are shown, until the address is taken away', () =>
  open(async (page) => {
    const [ann, bob] = [newAddress(), newAddress()]
    for (const email of [bob, ann, bob]) await asked(email)
    await codeFor(bob, { mails: 2 })
    await codeFor(ann)
    await page.getByLabel('To').fill(ann)
    await mailsTo(page, ann).waitFor()
    await page.getByText('1 mail.').waitFor()
    assert.equal(await page.locator('article').count(), 1)
    await page.getByLabel('To').fill('')
    await page.locator('article').nth(2).waitFor()
    // Other tests send mails meanwhile, so this does not name those that are shown.
    const shown = await page.locator('article h2').allInnerTexts()
    const all = (await (await fetch(`${INBOX}/mails`)).json()).map(({ subject }) => subject)
    let at = -1
    for (const subject of shown) {
      at = all.indexOf(subject, at + 1)
      assert.notEqual(at, -1, `the newest mail is first: ${shown}`)
    }
  }))

test('an answer that comes late does not replace a newer one', () =>
  open(async (page) => {
    const email = newAddress()
    await asked(newAddress())
    await asked(email)
    await codeFor(email)
    const ofAll = (request) => /\/mails\?(?!.*to=)/.test(request.url())
    let release
    const released = new Promise((resolve) => (release = resolve))
    await page.route('**/mails?*', async (route) => {
      if (ofAll(route.request())) await released
      await route.continue()
    })
    await page.waitForRequest(ofAll)
    const late = page.waitForResponse((response) => ofAll(response.request()))
    await page.getByLabel('To').fill(email)
    await page.getByText('1 mail.').waitFor()
    release()
    await (await late).finished()
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)))
    assert.equal(await page.locator('article').count(), 1)
  }))

test('twenty mails are shown, and the older ones at a press', () =>
  open(async (page) => {
    const email = newAddress()
    for (let left = 21; left; left--) await asked(email)
    await mailTo(email, { mails: 21 })
    await page.getByLabel('To').fill(email)
    await mailsTo(page, email).nth(19).waitFor()
    assert.equal(await page.locator('article').count(), 20)
    await page.getByText('20+ mails, newest first.').waitFor()
    const older = page.getByRole('button', { name: 'Older mails' })
    await older.click()
    await page.getByText('21 mails, newest first.').waitFor()
    assert.equal(await mailsTo(page, email).count(), 21)
    await older.waitFor({ state: 'hidden' })
    await page.locator('article:last-child pre:focus').waitFor()
  }))

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280]) {
    test(`everybody can read it: ${colorScheme}, ${width} px`, () =>
      open(async (page) => {
        await asked(newAddress())
        await page.locator('article').first().waitFor()
        assert.deepEqual(await violations(page), [])
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
        assert.equal(wide, false)
      }, { colorScheme, viewport: { width, height: 800 } }))
  }
}
