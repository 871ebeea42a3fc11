/** The SDK where nobody but the mailbox learns whether an address has an account. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ask, codeFor, newAddress, newContext, newUser, newUsername, opens, OTHER_PASSWORD, PAGES, PASSWORD, profile, withEachVersion,
} from './support.js'

test('the sample page asks everybody the same, and signs in whoever has an account', async () => {
  const user = await newUser({ name: 'Ada' })
  const context = await newContext({ locale: 'en-US' })
  const page = await context.newPage()
  const submit = async (view, fields) => {
    for (const [name, value] of Object.entries(fields)) await page.locator(`[data-view=${view}] [name=${name}]`).fill(value)
    await page.locator(`[data-view=${view}] form button:not([type=button])`).click()
  }
  await page.goto(`${PAGES}/sample/#register`)
  await submit('register', { email: user.email })
  await submit('code', { code: await codeFor(user.email, { mails: 2 }), password: OTHER_PASSWORD })
  await page.getByText('Hello Ada').waitFor()
  assert.deepEqual([await opens(user.email, PASSWORD), await opens(user.email, OTHER_PASSWORD)], [true, false])
  await page.locator('[data-action=signOut] button').click()
  await page.getByRole('button', { name: 'Forgotten password' }).click()
  const stranger = newAddress()
  await submit('forgot', { email: stranger })
  await submit('code', { code: await codeFor(stranger), password: PASSWORD })
  await page.getByText('There is no account with this address.').waitFor()
  await context.close()
})

withEachVersion((method) => {
  method('getVerification', 'answers alike for all addresses and targets', async (app) => {
    const known = await newUser()
    for (const target of ['ANY', 'USER', 'NOT_USER']) {
      for (const email of [known.email, newAddress()]) {
        const sent = await app.call((p) => auth.getVerification(p), { email, target })
        assert.equal(sent.is_user, false)
      }
    }
  })

  method('getVerification', 'tells users of their own address', async (app) => {
    const me = await app.signedIn()
    const sent = await app.call((email) => auth.getVerification({ email, target: 'CUR_USER' }), me.email)
    assert.equal(sent.is_user, true)
  })

  method('isUsernameRegistered', 'tells user names only', async (app) => {
    const { email, username } = await newUser({ username: newUsername() })
    const registered = (name) => app.call((name) => auth.isUsernameRegistered(name), name)
    assert.deepEqual([await registered(username), await registered(email)], [true, false])
  })

  method('signUp', 'makes an account with what was typed', async (app) => {
    const p = { email: newAddress(), password: PASSWORD, username: newUsername(), name: 'Ada' }
    await app.call(async (p) => { window.started = await auth.signUp(p) }, p)
    const { data, error } = await app.call((token) => started.data.verifyOtp({ token }), await codeFor(p.email))
    assert.equal(error, null)
    assert.equal(data.user.user_metadata.name, 'Ada')
    assert.equal(await opens(p.username, PASSWORD), true)
  })

  method('signUp', 'signs in whoever has an account, and changes nothing', async (app) => {
    const me = await newUser({ name: 'Ada' })
    const p = { email: me.email, password: OTHER_PASSWORD, name: 'Eve' }
    await app.call(async (p) => { window.started = await auth.signUp(p) }, p)
    const code = await codeFor(me.email, { mails: 2 })
    const { data } = await app.call((token) => started.data.verifyOtp({ token }), code)
    assert.equal(data.user.id, me.sub)
    assert.equal((await profile(me.elsewhere)).name, 'Ada')
    assert.deepEqual([await opens(me.email, OTHER_PASSWORD), await opens(me.email, me.password)], [false, true])
  })

  for (const known of [true, false]) {
    const address = known ? 'a known' : 'an unknown'
    const someone = async () => (known ? newUser() : { email: newAddress() })
    const mails = known ? 2 : 1

    method('signInWithOtp', `leads in with ${address} address`, async (app) => {
      const { email } = await someone()
      await app.call(async (email) => { window.started = await auth.signInWithOtp({ email }) }, email)
      const code = await codeFor(email, { mails })
      const { data } = await app.call((token) => started.data.verifyOtp({ token }), code)
      assert.equal(data.user.email, email)
    })

    method('verifyOtp', `leads in with ${address} address`, async (app) => {
      const { email } = await someone()
      const { verification_id: messageId } = await app.call((email) => auth.getVerification({ email }), email)
      const p = { email, messageId, token: await codeFor(email, { mails }), type: 'email' }
      const { data, error } = await app.call((p) => auth.verifyOtp(p), p)
      assert.equal(error, null)
      assert.equal(data.user.email, email)
    })

    method('signInWithEmail', `leads in with ${address} address`, async (app) => {
      const { email } = await someone()
      const verificationInfo = await app.call((email) => auth.getVerification({ email }), email)
      const p = { email, verificationInfo, verificationCode: await codeFor(email, { mails }) }
      await app.call((p) => auth.signInWithEmail(p), p)
      assert.equal((await profile((await app.session()).access_token)).email, email)
    })
  }

  method('resetPasswordForEmail', 'resets a known address, and tells the reader of an unknown one', async (app) => {
    const me = await newUser()
    const stranger = newAddress()
    for (const [email, mails, wanted] of [[stranger, 1, 'not_found'], [me.email, 2, undefined]]) {
      await app.call(async (email) => { window.started = await auth.resetPasswordForEmail(email) }, email)
      const p = { nonce: await codeFor(email, { mails }), password: OTHER_PASSWORD }
      const { error } = await app.call((p) => started.data.updateUser(p), p)
      assert.equal(error?.code, wanted)
    }
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
  })

  method('queryUser', 'finds only oneself by address', async (app) => {
    const me = await app.signedIn()
    const other = await newUser({ username: newUsername() })
    const found = async (p) => (await app.call((p) => auth.queryUser(p), p)).total
    assert.deepEqual(
      [await found({ email: me.email }), await found({ email: other.email }), await found({ username: other.username })],
      [1, 0, 1],
    )
  })

  method('updateUser', 'changes the address once a code has proven it', async (app) => {
    const me = await app.signedIn()
    const email = newAddress()
    await app.call(async (email) => { window.started = await auth.updateUser({ email }) }, email)
    const { error } = await app.call((p) => started.data.verifyOtp(p), { email, token: await codeFor(email) })
    assert.equal(error, null)
    assert.equal((await ask('GET', '/v1/user/me', { token: me.session.access_token })).body.email, email)
  })
})
