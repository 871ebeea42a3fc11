/** The desk of the local stack, used as an operator uses it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, codeFor, DESK, INBOX, newAddress, newContext, newUser, opens, PASSWORD, profile, violations } from './support.js'

async function open(use, options = {}) {
  const context = await newContext({ locale: 'en-US', timezoneId: 'UTC', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('dialog', (dialog) => faults.push(dialog.message()))
  page.on('console', (line) => /Content.Security/i.test(line.text()) && faults.push(line.text()))
  await page.goto(DESK)
  try {
    await use(page)
    assert.deepEqual(faults, [])
  } finally {
    await context.close()
  }
}

const button = (page, name) => page.getByRole('button', { name, exact: true })
const said = (page, text) => page.getByRole('status').getByText(text).waitFor()
const table = (page, name) => page.getByRole('table', { name, exact: true })

/** Open a user, found by the beginning of the address. No other user's may begin like that. */
async function openUser(page, user, prefix = user.email) {
  await page.getByLabel('Begins with').fill(prefix)
  await button(page, 'Search').click()
  await page.getByText('Shown: 1', { exact: true }).waitFor() // else the list is replaced while its link is clicked
  await table(page, 'Users').getByRole('link', { name: user.email }).click()
  await page.getByRole('heading', { name: user.email }).waitFor()
}

test('a user is found by the beginning of the address, and everything known is shown without a code', async () => {
  const user = await newUser({ name: '<img src=x onerror=alert(1)>' })
  await opens(user.email, 'wrong-password-1')
  await ask('POST', '/v1/verification', { body: { email: user.email } })
  const code = await codeFor(user.email, { mails: 2 })
  await open(async (page) => {
    await openUser(page, user, user.email.slice(0, 20))
    await page.getByText('<img src=x onerror=alert(1)>').waitFor()
    for (const name of ['Sessions', 'Codes in flight', 'Mails', 'History', 'Wrong passwords and codes of the last 24 hours']) {
      await table(page, name).waitFor()
    }
    assert.equal((await page.content()).includes(code), false)
    assert.match(await table(page, 'Mails').innerText(), /••••••/)
    assert.equal(await page.getByRole('link', { name: 'Open the inbox' }).getAttribute('href'), INBOX)
    await button(page, 'Unlock').click()
    await said(page, 'The failures are forgotten.')
    assert.equal(await table(page, 'Wrong passwords and codes of the last 24 hours').count(), 0)
  })
})

test('the newest users come first, and more of them on request', async () => {
  const made = []
  for (let left = 7; left; left--) {
    made.push(...(await Promise.all([1, 2, 3].map(() => newUser({ password: null })))))
  }
  await open(async (page) => {
    const users = table(page, 'Users')
    const addresses = () => users.getByRole('link').allInnerTexts()
    await page.getByText('Shown: 20').waitFor()
    const missing = () => made.map(({ email }) => email).filter((email) => !found.includes(email))
    let found = await addresses()
    while (missing().length) {
      const before = await users.getByRole('row').count()
      await button(page, 'More').click()
      await users.getByRole('row').nth(before).waitFor()
      found = await addresses()
    }
    assert.equal(new Set(found).size, found.length)
    const created = await users.locator('tr td:nth-child(5) time').evaluateAll((times) => times.map((time) => time.dateTime))
    assert.equal(created.length, found.length)
    assert.deepEqual(created, created.toSorted().reverse())
  })
})

test('a user is put into groups, disabled, enabled, signed out, and asked for a new password', async () => {
  const user = await newUser()
  await open(async (page) => {
    await openUser(page, user)
    await page.getByLabel('Groups, with spaces between them').fill('staff  beta')
    await button(page, 'Set the groups').click()
    await said(page, 'Changed.')
    await page.getByRole('definition').getByText('staff beta').or(page.locator('dd', { hasText: 'beta staff' })).waitFor()
    await page.getByLabel('Groups, with spaces between them').fill('no/group/is/like,this')
    await button(page, 'Set the groups').click()
    await said(page, /groups/)
    await button(page, 'End').click()
    await said(page, 'The session has ended.')
    await page.getByRole('heading', { name: user.email }).waitFor()
    assert.equal(await profile(user.elsewhere), null)
    await button(page, 'Disable').click()
    await said(page, 'Disabled.')
    assert.equal(await opens(user.email, PASSWORD), false)
    await button(page, 'Enable').click()
    await said(page, 'Enabled.')
    assert.equal(await opens(user.email, PASSWORD), true)
    await button(page, 'Sign out everywhere').click()
    await said(page, 'All sessions have ended.')
    assert.equal(await table(page, 'Sessions').count(), 0)
    await button(page, 'Require a reset').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Require a reset' }).click()
    await said(page, 'The password, all sessions and devices are gone.')
    assert.equal(await opens(user.email, PASSWORD), false)
  })
})

test('with the keyboard alone, a user is deleted only after a question', async () => {
  const user = await newUser()
  await open(async (page) => {
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    const to = async (name) => {
      for (let left = 60; left; left--) {
        await page.keyboard.press('Tab')
        if (await page.evaluate((text) => document.activeElement.textContent.trim() === text, name)) return
      }
      throw new Error(`the keyboard does not reach ${name}`)
    }
    const press = async (key) => {
      await page.locator('main [aria-disabled=true]').waitFor({ state: 'detached' }) // a button still does its work
      await page.keyboard.press(key)
    }
    await page.keyboard.press('Tab') // from the title, which has the focus
    await page.keyboard.type(user.email)
    await page.keyboard.press('Enter')
    await page.getByText('Shown: 1').waitFor()
    await to(user.email)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: user.email }).waitFor()
    await to('Delete')
    const dialog = page.getByRole('dialog', { name: `Delete ${user.email} for good?` })
    for (const refuse of ['Enter', 'Escape']) { // Cancel has the focus
      await press('Enter')
      await dialog.waitFor()
      await page.keyboard.press(refuse)
      await dialog.waitFor({ state: 'hidden' })
    }
    await press('Enter')
    await dialog.waitFor()
    assert.equal(await opens(user.email, PASSWORD), true)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await said(page, 'Deleted.')
    assert.equal(await opens(user.email, PASSWORD), false)
  })
})

test('an address whose mail came back gets mail again', async () => {
  const email = `permfail-${newAddress()}`
  await ask('POST', '/v1/verification', { body: { email } })
  await open(async (page) => {
    const row = table(page, 'Suppressions').getByRole('row', { name: email })
    await page.getByRole('link', { name: 'Suppressions' }).click()
    await page.getByRole('heading', { name: 'Suppressions' }).waitFor()
    for (let left = 30; left && !(await row.count()); left--) { // until the mail server has refused the mail
      await page.waitForTimeout(1000)
      await button(page, 'Refresh').click()
    }
    await row.getByRole('button', { name: 'Lift' }).click()
    await said(page, 'The address gets mail again.')
    assert.equal(await row.count(), 0)
  })
})

test('the token leaves the address, and without it the page says where to find it', () =>
  open(async (page) => {
    await table(page, 'Users').or(page.getByText('None.')).waitFor()
    assert.equal(new URL(page.url()).hash, '#users')
    await page.evaluate(() => sessionStorage.removeItem('token'))
    await page.reload()
    await said(page, /Open the address that make run has printed/)
    assert.equal(await page.getByRole('table').count(), 0)
  }))

test('it speaks Chinese by the language of the browser, and English on request', () =>
  open(async (page) => {
    await page.getByRole('heading', { name: '用户' }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN')
    await page.getByLabel('语言').selectOption('en')
    await page.getByRole('heading', { name: 'Users' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Users' }).waitFor()
  }, { locale: 'zh-CN' }))

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280]) {
    test(`everybody can use it: ${colorScheme}, ${width} px`, async () => {
      const user = await newUser({ name: 'N'.repeat(64) })
      await opens(user.email, 'wrong-password-1')
      await open(async (page) => {
        const judge = async () => {
          assert.deepEqual(await violations(page), [])
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false)
        }
        await table(page, 'Users').waitFor()
        await judge()
        await openUser(page, user)
        await judge()
        await button(page, 'Delete').click()
        await page.getByRole('dialog').waitFor()
        await judge()
        await page.keyboard.press('Escape')
        await page.getByRole('link', { name: 'Suppressions' }).click()
        await page.getByRole('heading', { name: 'Suppressions' }).waitFor()
        await judge()
      }, { colorScheme, viewport: { width, height: 800 } })
    })
  }
}
