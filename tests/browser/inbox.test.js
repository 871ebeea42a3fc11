/** The page of the local stack's inbox, used as a developer uses it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, codeFor, INBOX, newAddress, newContext, violations } from './support.js'

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
    await asked(ann)
    await asked(bob)
    await mailsTo(page, ann).waitFor()
    await mailsTo(page, bob).waitFor()
    await page.getByLabel('To').fill(ann)
    await mailsTo(page, bob).waitFor({ state: 'detached' })
    assert.equal(await mailsTo(page, ann).count(), 1)
    await page.getByLabel('To').fill('')
    await mailsTo(page, bob).waitFor()
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
