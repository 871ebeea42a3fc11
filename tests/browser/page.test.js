/** The sample page (examples/web), used as a person uses it, together with the person's mails. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  API, ask, codeFor, mailTo, newAddress, newContext, newUser, newUsername, NOTICES, opens, OTHER_PASSWORD, PAGES, PASSWORD, profile,
  textOf, useUpHalf, violations,
} from './support.js'

const SAMPLE = `${PAGES}/sample/`

/** Open the page in a browser of its own. Any error in the page fails the test. */
async function visit(use, { hash = '', ...options } = {}) {
  const context = await newContext({ locale: 'en-US', viewport: { width: 900, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => /Content Security Policy/.test(message.text()) && faults.push(message.text()))
  await page.goto(SAMPLE + hash)
  try {
    await use(page, context)
    assert.deepEqual(faults, [])
  } finally {
    await context.close()
  }
}

/** Fill in the fields of the open section or part, and press Enter. */
async function submit(page, part, fields) {
  const form = page.locator(`${part} form:visible`).first()
  for (const [name, value] of Object.entries(fields)) await form.locator(`[name=${name}]`).fill(value)
  await form.locator('button:not([type=button])').click()
}

const shows = (page, text) => page.getByText(text).first().waitFor()
const open = (page, part) => page.locator('summary', { hasText: part }).click()
const account = (page) => page.locator('#account').waitFor()

async function signIn(page, user) {
  await submit(page, '[data-view=sign-in]', { username: user.email, password: user.password ?? PASSWORD })
  await account(page)
}

async function signInByCode(page, { email }, mails) {
  await page.getByRole('button', { name: 'Sign in with a code' }).click()
  await submit(page, '[data-view=sign-in-by-code]', { email })
  await page.locator('[data-view=code]').waitFor()
  await submit(page, '[data-view=code]', { code: await codeFor(email, { mails }) })
  await account(page)
}

test('a person registers, with a wrong code on the way', () =>
  visit(async (page) => {
    const email = newAddress()
    await page.getByRole('button', { name: 'Create an account' }).click()
    await submit(page, '[data-view=register]', { email, name: 'Ada' })
    await shows(page, email)
    const code = await codeFor(email)
    await submit(page, '[data-view=code]', { code: code === '000000' ? '000001' : '000000', password: PASSWORD })
    await shows(page, 'The code is wrong')
    await submit(page, '[data-view=code]', { code: `${code.slice(0, 3)} ${code.slice(3)}` })
    await shows(page, 'Your account is ready.')
    await shows(page, 'Hello Ada')
    assert.equal(await opens(email, PASSWORD), true)
    await page.reload()
    await shows(page, 'Hello Ada')
  }))

test('a person who signed in long ago confirms another user name by a code', () =>
  visit(async (page, context) => {
    const user = await newUser()
    await signIn(page, user)
    let refused = 0
    await context.route(`${API}/auth/v1/user/profile*`, (route) => {
      if (route.request().method() !== 'PATCH' || refused++) return route.continue()
      const json = { error: 'failed_precondition', error_code: 9, details: [{ reason: 'sudo_needed' }], request_id: 'x' }
      return route.fulfill({ status: 403, json, headers: { 'access-control-allow-origin': '*' } })
    })
    const username = newUsername()
    await open(page, 'Name and user name')
    await submit(page, 'details', { name: 'Ada', username })
    await page.locator('[data-view=code]').waitFor()
    await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 2 }) })
    await account(page)
    await shows(page, username)
    assert.equal(refused, 2)
    assert.equal(await opens(username, PASSWORD), true)
  }))

test('a person registers by keyboard alone', () =>
  visit(
    async (page) => {
      const email = newAddress()
      await page.locator('[data-view=register]').waitFor()
      const { keyboard } = page
      await page.locator('[data-view=register] [name=email]').focus()
      await keyboard.type(email)
      await keyboard.press('Tab')
      await keyboard.type('Ada')
      await keyboard.press('Enter')
      await page.locator('[data-view=code]').waitFor()
      await keyboard.type(await codeFor(email)) // the field has the focus
      await keyboard.press('Tab')
      await keyboard.type(PASSWORD)
      await keyboard.press('Enter')
      await account(page)
      await keyboard.press('Tab')
      await keyboard.press('Enter')
      await page.locator('[data-action=saveProfile]').waitFor() // the first part is open
    },
    { hash: '#register' },
  ))

test('who registers with a known address is signed in and told so', () =>
  visit(
    async (page) => {
      const user = await newUser()
      await page.route(`${API}/auth/v1/user/me*`, async (route) => {
        const answer = await route.fetch()
        const body = await answer.text()
        const old = answer.ok() ? JSON.stringify({ ...JSON.parse(body), created_at: '2024-01-01T00:00:00Z' }) : body
        await route.fulfill({ response: answer, body: old })
      })
      await submit(page, '[data-view=register]', { email: user.email })
      await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 2 }) })
      await shows(page, 'You had an account already')
      assert.equal(await opens(user.email, OTHER_PASSWORD), false)
    },
    { hash: '#register' },
  ))

test('a person signs in by password, with address or user name, and out', () =>
  visit(async (page) => {
    const user = await newUser({ username: newUsername() })
    await submit(page, '[data-view=sign-in]', { username: user.email, password: 'wrong-one-1' })
    await shows(page, 'Address or password is wrong')
    for (const username of [user.email, user.username]) {
      await submit(page, '[data-view=sign-in]', { username, password: PASSWORD })
      await account(page)
      assert.equal(await page.locator('#notice').textContent(), '')
      await page.locator('[data-action=signOut] button').click()
      await shows(page, 'You are signed out.')
    }
  }))

test('a person signs in by code; an unknown address is told to register', () =>
  visit(
    async (page) => {
      await submit(page, '[data-view=sign-in-by-code]', { email: newAddress() })
      await shows(page, 'There is no account with this address.')
      const user = await newUser()
      await submit(page, '[data-view=sign-in-by-code]', { email: user.email })
      await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 2 }) })
      await account(page)
    },
    { hash: '#sign-in-by-code' },
  ))

test('a person who forgot the password chooses another', () =>
  visit(
    async (page) => {
      const user = await newUser()
      await submit(page, '[data-view=forgot]', { email: user.email })
      await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 2 }), password: OTHER_PASSWORD })
      await shows(page, 'Your new password is set.')
      assert.equal(await opens(user.email, OTHER_PASSWORD), true)
    },
    { hash: '#forgot' },
  ))

test('another code can be mailed once the server allows it, and either mail’s code is right', () =>
  visit(
    async (page) => {
      const user = await newUser()
      await page.clock.install()
      await page.route(`${API}/auth/v1/verification?*`, async (route) => {
        const answer = await route.fetch()
        await route.fulfill({ response: answer, json: { ...(await answer.json()), retry_after: 42 } })
      })
      await submit(page, '[data-view=sign-in-by-code]', { email: user.email })
      await shows(page, /Another code in 4[0-2] seconds/)
      const resend = page.locator('[part~=resend]')
      assert.equal(await resend.isDisabled(), true)
      await codeFor(user.email, { mails: 2 })
      // Who goes back and asks again comes to the same step, and is not refused.
      await page.getByRole('button', { name: 'Back' }).click()
      await submit(page, '[data-view=sign-in-by-code]', { email: user.email })
      await shows(page, /Another code in \d+ seconds/)
      await page.clock.fastForward(43_000)
      await resend.click()
      await shows(page, 'Another code is on its way')
      assert.equal(await resend.evaluate((it) => it === it.getRootNode().activeElement), true)
      await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 3 }) })
      await account(page)
    },
    { hash: '#sign-in-by-code' },
  ))

test('who asks too often is told how long to wait', () =>
  visit(
    async (page) => {
      const refusal = { error: 'resource_exhausted', error_code: 8, error_description: 'Too many codes.', retry_after: 42 }
      await page.route(`${API}/auth/v1/verification?*`, (route) =>
        route.fulfill({ status: 429, json: refusal, headers: { 'access-control-allow-origin': '*' } }),
      )
      await submit(page, '[data-view=sign-in-by-code]', { email: newAddress() })
      await shows(page, 'Too many tries. Wait 42 seconds, then try again.')
    },
    { hash: '#sign-in-by-code' },
  ))

test('name and user name are changed', () =>
  visit(async (page) => {
    const [user, other] = [await newUser(), await newUser({ username: newUsername() })]
    await signIn(page, user)
    await open(page, 'Name and user name')
    await submit(page, 'details', { name: 'Grace', username: other.username })
    await shows(page, 'belongs to somebody already')
    const username = newUsername()
    await submit(page, 'details', { name: 'Grace', username })
    await shows(page, 'Saved.')
    await shows(page, 'Hello Grace')
    assert.equal(await opens(username, PASSWORD), true)
  }))

test('the address is changed, by password and a code to the new one', () =>
  visit(async (page) => {
    const [user, email] = [await newUser(), newAddress()]
    await signIn(page, user)
    await open(page, 'Change address')
    await submit(page, 'details', { email, password: 'wrong-one-1' })
    await shows(page, 'The password is wrong.')
    await submit(page, 'details', { email, password: PASSWORD })
    await page.locator('[data-view=code]').waitFor()
    await page.reload() // phones do that when one looks at the mail
    await submit(page, '[data-view=code]', { code: await codeFor(email) })
    await shows(page, `Your address is now ${email}.`)
    assert.doesNotMatch(await page.evaluate(() => JSON.stringify({ ...sessionStorage })), /sudo/)
    assert.equal(await opens(email, PASSWORD), true)
    assert.equal(await profile(user.elsewhere), null)
    await mailTo(user.email, { subject: NOTICES.address })
  }))

test('an address that is taken is refused in words', () =>
  visit(async (page) => {
    const [user, other] = [await newUser(), await newUser()]
    await signIn(page, user)
    await open(page, 'Change address')
    await submit(page, 'details', { email: other.email, password: PASSWORD })
    await shows(page, 'belongs to an account already')
  }))

test('the password is changed', () =>
  visit(async (page) => {
    const user = await newUser()
    await signIn(page, user)
    await open(page, 'Change password')
    await submit(page, 'details', { password: PASSWORD, chosen: PASSWORD })
    await shows(page, 'This is your password already.')
    await submit(page, 'details', { password: PASSWORD, chosen: 'password1' })
    await shows(page, 'This password is easy to guess.')
    await submit(page, 'details', { password: PASSWORD, chosen: OTHER_PASSWORD })
    await shows(page, 'Your password is changed.')
    assert.equal(await opens(user.email, OTHER_PASSWORD), true)
  }))

test('the hints follow the password policy of the server', () =>
  visit(async (page) => {
    assert.match(await (await fetch(SAMPLE)).text(), /password-policy="cloudbase"/)
    await page.evaluate(() => document.querySelector('latchkey-sign-in').setAttribute('password-policy', 'asvs'))
    await signIn(page, await newUser())
    await page.locator('#language').selectOption('zh-CN')
    await page.locator('summary:visible', { hasText: '密码' }).click()
    await shows(page, '15 至 64 个字符')
    await submit(page, 'details', { password: PASSWORD, chosen: 'short-one-1' })
    assert.equal(await page.evaluate(() => document.querySelector('[name=chosen]').validity.tooShort), true)
  }))

test('who has no password proves themselves by code: sets one, changes the address, leaves', () =>
  visit(async (page) => {
    const user = await newUser({ password: null })
    await signInByCode(page, user, 2)
    await open(page, 'Change address')
    const email = newAddress()
    await submit(page, 'details', { email })
    await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 3 }) })
    await shows(page, email)
    await submit(page, '[data-view=code]', { code: await codeFor(email) })
    await shows(page, `Your address is now ${email}.`)
    await open(page, 'Delete account')
    await submit(page, 'details', {})
    await submit(page, '[data-view=code]', { code: await codeFor(email, { mails: 2 }) })
    await shows(page, 'Your account is deleted.')
  }))

test('who has no password sets the first one by code', () =>
  visit(async (page) => {
    const user = await newUser({ password: null })
    await signInByCode(page, user, 2)
    await open(page, 'Set a password')
    await submit(page, 'details', {})
    await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 3 }), password: PASSWORD })
    await shows(page, 'Your password is changed.')
    assert.equal(await opens(user.email, PASSWORD), true)
  }))

test('devices and history are shown, and another device is signed out, for good', () =>
  visit(async (page) => {
    const user = await newUser()
    await signIn(page, user)
    await open(page, 'Devices and history')
    await shows(page, 'this device')
    assert.equal(await page.locator('#devices li').count(), 2)
    assert.equal(await page.locator('#history li').count(), 2)
    await page.locator('#devices button').click()
    await shows(page, 'The device is signed out.')
    assert.equal(await profile(user.elsewhere), null)
    assert.equal(await page.locator('#devices li').count(), 1)
    assert.equal(await page.locator('#security summary').evaluate((part) => part === document.activeElement), true)
    await shows(page, 'Another device signed out')
    await page.reload()
    await open(page, 'Devices and history')
    await shows(page, 'this device')
    assert.equal(await page.locator('#devices li').count(), 1)
  }))

test('who leaves takes name and password along', () =>
  visit(async (page) => {
    const user = await newUser()
    const typed = () => page.locator('input').evaluateAll((inputs) => inputs.map(({ value }) => value).join(''))
    await signIn(page, user)
    await page.locator('[data-action=signOut] button').click()
    await shows(page, 'You are signed out.')
    assert.equal(await typed(), '')
    await signIn(page, user)
    await open(page, 'Delete account')
    await submit(page, 'details', { password: PASSWORD })
    await shows(page, 'Your account is deleted.')
    assert.equal(await typed(), '')
  }))

test('the tab is named after the section, the focus stays, and no notice outlives the next step', () =>
  visit(async (page) => {
    const user = await newUser()
    assert.equal(await page.title(), 'Sign in · Latchkey')
    await page.getByRole('button', { name: 'Create an account' }).click()
    assert.equal(await page.title(), 'Create an account · Latchkey')
    await page.goBack()
    await signIn(page, user)
    assert.match(await page.title(), /^Hello/)
    await open(page, 'Name and user name')
    await submit(page, 'details', { name: 'Ada' })
    await shows(page, 'Saved.')
    await open(page, 'Change password')
    const button = page.locator('[data-action=changePassword] [data-text=changePassword]')
    await page.locator('[data-action=changePassword] [name=password]').fill('wrong-horse-1')
    await page.locator('[data-action=changePassword] [name=chosen]').fill(OTHER_PASSWORD)
    await button.click()
    await shows(page, 'The password is wrong.')
    assert.equal(await page.getByText('Saved.').isVisible(), false)
    assert.equal(await button.evaluate((it) => it === document.activeElement), true)
  }))

test('the code step outlives a reload, without any password, until the code is dead', () =>
  visit(async (page) => {
    const email = newAddress()
    await submit(page, '[data-view=register]', { email, name: 'Ada' })
    await shows(page, 'The code is valid for 10 minutes.')
    await shows(page, 'Look into your spam folder.')
    await shows(page, 'Your mail is on its way.')
    const code = await codeFor(email)
    await page.locator('[data-view=code] [name=password]').fill(PASSWORD)
    assert.ok(!(await page.evaluate(() => JSON.stringify(sessionStorage))).includes(PASSWORD))
    await page.reload()
    await shows(page, email)
    // The whole mail can be pasted.
    const mail = `Order 2026-1234567\nYour code:\n\n${code}\n\nIt works once.\n@localhost #${code}\n`
    await page.locator('[name=code]').evaluate((field, text) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text', text)
      field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, composed: true, cancelable: true }))
    }, mail)
    assert.equal(await page.locator('[name=code]').inputValue(), code)
    // A refused password costs no other code, and shows itself on demand.
    const password = page.locator('[data-view=code] [name=password]')
    await password.fill('password1')
    await page.getByRole('button', { name: 'Show password' }).click()
    assert.equal(await password.getAttribute('type'), 'text')
    await page.locator('[data-view=code] form').evaluate((form) => form.requestSubmit())
    await shows(page, 'This password is easy to guess.')
    await submit(page, '[data-view=code]', { password: PASSWORD })
    await shows(page, 'Hello Ada')
    assert.equal(await page.evaluate(() => sessionStorage.getItem('latchkey-code')), null)
    assert.equal(await opens(email, PASSWORD), true)

    // A code for the account is asked for after a reload, too; a spent one is not.
    await page.locator('[data-action=signOut] button').click()
    await shows(page, 'You are signed out.')
    await page.getByRole('button', { name: 'Sign in with a code' }).click()
    await submit(page, '[data-view=sign-in-by-code]', { email })
    const next = await codeFor(email, { mails: 2 })
    const wrong = next === '000000' ? '000001' : '000000'
    for (let tries = 0; tries < 6; tries++) {
      await submit(page, '[data-view=code]', { code: wrong })
      await shows(page, tries < 5 ? 'The code is wrong.' : 'Too many wrong codes.')
    }
    await shows(page, 'This code can’t be used any more.')
    await page.reload()
    await page.locator('[data-view=sign-in]').waitFor()
  }, { hash: '#register' }))

test('a code for the account outlives a reload', () =>
  visit(async (page) => {
    const user = await newUser({ password: null })
    await signInByCode(page, user, 2)
    await open(page, 'Delete account')
    await submit(page, 'details', {})
    await page.locator('[data-view=code]').waitFor()
    await page.reload()
    await submit(page, '[data-view=code]', { code: await codeFor(user.email, { mails: 3 }) })
    await shows(page, 'Your account is deleted.')
  }))

test('the history tells of failures, in the language of the reader', () =>
  visit(async (page) => {
    const user = await newUser()
    for (let tries = 0; tries < 2; tries++) {
      await ask('POST', '/v1/signin', { body: { username: user.email, password: 'wrong-horse-1' } })
    }
    await signIn(page, user)
    await open(page, 'Devices and history')
    await shows(page, 'Wrong passwords or codes on devices that this account does not know: 2')
    await page.locator('#language').selectOption('zh-CN')
    await open(page, '设备和历史记录')
    await shows(page, '陌生设备上输错密码或验证码 2 次')
  }))

test('a person signs out everywhere', () =>
  visit(async (page) => {
    const user = await newUser()
    await signIn(page, user)
    await open(page, 'Devices and history')
    await page.locator('[data-action=signOutEverywhere] button').click()
    await shows(page, 'You are signed out on every device.')
    assert.equal(await profile(user.elsewhere), null)
  }))

test('a person deletes the account', () =>
  visit(async (page) => {
    const user = await newUser()
    await signIn(page, user)
    await open(page, 'Delete account')
    await submit(page, 'details', { password: PASSWORD })
    await shows(page, 'Your account is deleted.')
    assert.equal(await opens(user.email, PASSWORD), false)
  }))

test('the page speaks Chinese to Chinese browsers, and so do its mails; it can be switched', () =>
  visit(
    async (page) => {
      const email = newAddress()
      await page.getByRole('button', { name: '还没有账号' }).click()
      await submit(page, '[data-view=register]', { email })
      await shows(page, '验证码已发送至')
      assert.match((await mailTo(email)).subject, /验证码/)
      await submit(page, '[data-view=code]', { code: await codeFor(email), password: PASSWORD })
      await shows(page, '注册成功')
      await page.locator('#language').selectOption('en')
      await shows(page, 'Devices and history')
      assert.equal(await page.getAttribute('html', 'lang'), 'en')
      await page.reload()
      await shows(page, 'Devices and history')
    },
    { locale: 'zh-CN' },
  ))

test('a session that has ended is said to have, at the next step and at the next visit', () =>
  visit(async (page) => {
    const user = await newUser()
    for (const step of [() => page.reload(), () => open(page, 'Devices and history')]) {
      await signIn(page, user)
      const { access_token } = await page.evaluate(() => JSON.parse(localStorage.getItem('credentials_latchkey')))
      await ask('DELETE', '/v1/user/revoke/all', { token: access_token })
      await step()
      await shows(page, 'Your session has ended. Sign in again.')
    }
  }))

test('a session that is past its time is refreshed at the next visit', () =>
  visit(async (page) => {
    await signIn(page, await newUser())
    await page.evaluate(() => {
      const kept = JSON.parse(localStorage.getItem('credentials_latchkey'))
      localStorage.setItem('credentials_latchkey', JSON.stringify({ ...kept, expires_at: new Date(0) }))
    })
    const refreshed = page.waitForRequest(`${API}/auth/v1/token*`)
    await page.reload()
    await refreshed
    await account(page)
  }))

test('another tab that signs out signs this one out', () =>
  visit(async (page, context) => {
    await signIn(page, await newUser())
    const other = await context.newPage()
    await other.goto(SAMPLE)
    await account(other)
    await other.locator('[data-action=signOut] button').click()
    await page.locator('[data-view=sign-in]').waitFor()
  }))

test('offline, the page says so, and goes on by itself when the network is back', () =>
  visit(async (page, context) => {
    const user = await newUser()
    await context.setOffline(true)
    await shows(page, 'The service can’t be reached.')
    await submit(page, '[data-view=sign-in]', { username: user.email, password: PASSWORD })
    await shows(page, 'Check your connection, then try again.')
    await context.setOffline(false)
    await page.locator('#offline').waitFor({ state: 'hidden' })
    await signIn(page, user)
  }))

test('an account that can’t be loaded can be tried again', () =>
  visit(async (page) => {
    await signIn(page, await newUser())
    await page.route(`${API}/**`, (route) => route.abort())
    await page.reload()
    await shows(page, 'The service can’t be reached.')
    await page.unrouteAll()
    await page.getByRole('button', { name: 'Try again' }).click()
    await account(page)
  }))

test('a slow answer is said to be, and awaited', () =>
  visit(async (page) => {
    const user = await newUser()
    await page.route(`${API}/auth/v1/signin*`, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 5000))
      await route.continue()
    })
    const signedIn = signIn(page, user)
    await shows(page, 'This takes longer than usual…')
    assert.equal(await page.locator('[data-view=sign-in] form button:not([type=button])').isDisabled(), true)
    await signedIn
  }))

test('a mailbox that can’t be reached is told, not waited for', () =>
  visit(
    async (page) => {
      await submit(page, '[data-view=register]', { email: `permfail-${newAddress()}` })
      await shows(page, 'We could not reach this mailbox.')
    },
    { hash: '#register' },
  ))

test('a refused password costs no other code', () =>
  visit(
    async (page) => {
      const user = await newUser()
      await submit(page, '[data-view=forgot]', { email: user.email })
      const code = await codeFor(user.email, { mails: 2 })
      await page.locator('[data-view=code] [name=password]').evaluate((field) => field.removeAttribute('pattern'))
      await submit(page, '[data-view=code]', { code, password: 'onlyletters' })
      await shows(page, 'Choose another password')
      await submit(page, '[data-view=code]', { code, password: OTHER_PASSWORD })
      await account(page)
    },
    { hash: '#forgot' },
  ))

test('every section fits the narrowest phone, in all languages', () =>
  visit(
    async (page) => {
      const user = await newUser({ name: 'A name that is rather long for a phone', username: newUsername() })
      for (const language of ['en', 'zh-CN', 'ja', 'es', 'de', 'fr']) {
        await page.locator('#language').selectOption(language)
        for (const name of ['sign-in', 'sign-in-by-code', 'register', 'forgot']) {
          await page.evaluate((hash) => (location.hash = hash), name)
          await page.locator(`[data-view=${name}]`).waitFor()
          assert.ok(await fits(page), name)
        }
      }
      await page.evaluate(() => (location.hash = 'sign-in'))
      await signIn(page, user)
      for (const part of await page.locator('summary').all()) {
        await part.click()
        await page.waitForLoadState('networkidle')
        assert.ok(await fits(page), await part.textContent())
      }
    },
    { viewport: { width: 320, height: 640 } },
  ))

const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)

test('password managers and one-time codes find their fields', () =>
  visit(async (page) => {
    const fields = () =>
      page.locator('latchkey-sign-in input, #account input').evaluateAll((found) => found.map((field) => [field.name, field.autocomplete, field.hidden || field.labels.length > 0]))
    const all = []
    for (const view of ['sign-in', 'sign-in-by-code', 'register', 'forgot']) {
      await page.evaluate((hash) => (location.hash = hash), view)
      await page.locator(`[data-view=${view}]`).waitFor()
      all.push(...(await fields()))
    }
    await submit(page, '[data-view=forgot]', { email: (await newUser()).email })
    await page.locator('[data-view=code]').waitFor()
    const code = (await fields()).filter(([, , account]) => account)
    assert.ok([...all, ...code].every(([, hint, labelled]) => hint && labelled), JSON.stringify([all, code]))
    assert.deepEqual(code.slice(0, 3).map(([name, hint]) => [name, hint]), [['username', 'username'], ['code', 'one-time-code'], ['password', 'new-password']])
    assert.equal(await page.locator('[name=code]').getAttribute('inputmode'), 'numeric')
    assert.equal(await page.locator('[name=code]').getAttribute('maxlength'), null)
  }))

/** Show each state of the page in turn, and call `look` in each with its name. */
async function walk(page, user, look) {
  for (const view of ['sign-in', 'sign-in-by-code', 'register', 'forgot']) {
    await page.evaluate((hash) => (location.hash = hash), view)
    await page.locator(`[data-view=${view}]`).waitFor()
    await look(view)
  }
  await submit(page, '[data-view=forgot]', { email: user.email })
  await page.locator('[data-view=code]').waitFor()
  await look('code')
  await submit(page, '[data-view=code]', { code: '000000', password: OTHER_PASSWORD })
  await page.locator('.message:not(:empty)').waitFor()
  await look('code, refused')
  await page.getByRole('button', { name: 'Back' }).click()
  await page.getByRole('button', { name: 'sign in' }).click()
  await signIn(page, user)
  await look('account')
  for (const part of await page.locator('summary').all()) {
    await part.click()
    await page.locator('#loading').waitFor({ state: 'hidden' })
    await look(await part.textContent())
  }
}

test('nothing stands in the way of anybody: axe-core, in every state, light and dark', async () => {
  const user = await newUser({ name: 'Ada', username: newUsername() })
  for (const colorScheme of ['light', 'dark']) {
    await visit(
      (page) =>
        walk(page, user, async (state) => {
          assert.deepEqual(await violations(page), [], `${state}, ${colorScheme}`)
        }),
      { colorScheme, reducedMotion: 'reduce' },
    )
  }
})

test('nothing is blank while it loads, and nothing moves for who wants no motion', () =>
  visit(
    async (page) => {
      await signIn(page, await newUser())
      await page.route(`${API}/auth/v1/user/**`, async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 1000))
        await route.continue().catch(() => {})
      })
      await page.reload()
      const skeleton = page.getByRole('status', { name: 'Loading…' })
      await skeleton.waitFor()
      assert.equal(await skeleton.locator('i').first().evaluate((it) => getComputedStyle(it).animationName), 'none')
      assert.deepEqual(await violations(page), [])
      await account(page)
      await open(page, 'Devices and history')
      await page.locator('#loading').waitFor()
      await shows(page, 'this device')
      await page.locator('#loading').waitFor({ state: 'hidden' })
    },
    { reducedMotion: 'reduce' },
  ))

test('a stranger under attack reads the SDK’s captcha, in the dark too', () =>
  visit(
    async (page) => {
      const user = await newUser()
      await useUpHalf(user.email)
      const drawn = page.waitForResponse(`${API}/auth/v1/captcha/data?*`)
      await submit(page, '[data-view=sign-in]', { username: user.email, password: PASSWORD })
      const dialog = page.locator('body > div:has(#captcha-image)')
      await dialog.locator('#captcha-image').waitFor()
      assert.equal(await dialog.locator('p').first().evaluate((it) => getComputedStyle(it).color), 'rgb(28, 33, 29)')
      const { token } = await (await drawn).json()
      await page.getByPlaceholder('输入字符').fill(textOf(token))
      await page.getByRole('button', { name: '确定' }).click()
      await account(page)
    },
    { colorScheme: 'dark' },
  ))

test('every language has every word, and mails come in it', () =>
  visit(async (page) => {
    const languages = await page.locator('#language option').evaluateAll((found) => found.map(({ value }) => value))
    assert.deepEqual(languages, ['en', 'zh-CN', 'ja', 'es', 'de', 'fr'])
    await page.locator('#language').selectOption('ja')
    await page.evaluate(() => (location.hash = 'register'))
    const email = newAddress()
    await submit(page, '[data-view=register]', { email })
    await shows(page, '確認コードを入力')
    assert.match((await mailTo(email)).subject, /コード/)
    for (const language of languages) {
      await page.locator('#language').selectOption(language)
      assert.equal(await page.getAttribute('html', 'lang'), language)
      assert.ok(!(await page.locator('body').innerText()).includes('undefined'))
    }
  }))

test('the page is small: under 400 KB compressed, with the SDK in it', async () => {
  const files = await Promise.all(['', 'app.js', 'style.css'].map(async (name) => (await fetch(SAMPLE + name)).arrayBuffer()))
  const size = files.reduce((sum, file) => sum + gzipSync(Buffer.from(file)).length, 0)
  assert.ok(size < 400_000, `${size} bytes`)
})
