/** Mailed codes: ask for them and redeem them. */

import assert from 'node:assert/strict'
import { codeFor, newAddress, newUser, opens, OTHER_PASSWORD, proveAddress, profile, withEachVersion } from './support.js'

withEachVersion((method) => {
  method('getVerification', 'mails a code, and says whether the address is known', async (app) => {
    const known = await newUser()
    const ask = (email) => app.call((email) => auth.getVerification({ email }), email)
    const [first, second] = [await ask(known.email), await ask(newAddress())]
    assert.equal(first.is_user, true)
    assert.equal(second.is_user, false)
    assert.equal(first.expires_in, 600)
    assert.match(await codeFor(known.email, { mails: 2 }), /^\d{6}$/)
  })

  method('getVerification', 'target USER refuses an unknown address', async (app) => {
    const email = newAddress()
    const asked = app.call((email) => auth.getVerification({ email, target: 'USER' }), email)
    await assert.rejects(asked, { error: 'not_found', error_code: 5 })
  })

  method('getVerification', 'target NOT_USER refuses a known address', async (app) => {
    const { email } = await newUser()
    const asked = app.call((email) => auth.getVerification({ email, target: 'NOT_USER' }), email)
    await assert.rejects(asked, { error: 'failed_precondition', error_code: 9 })
  })

  method('getVerification', 'target CUR_USER serves the own address only, and nobody without a session', async (app) => {
    const ask = (email) => app.call((email) => auth.getVerification({ email, target: 'CUR_USER' }), email)
    const other = await newUser()
    await assert.rejects(ask(other.email), { error: 'unauthenticated' })
    const me = await app.signedIn()
    assert.equal((await ask(me.email)).is_user, true)
    await assert.rejects(ask(other.email), { error: 'not_found' })
  })

  method('getVerification', 'a dead session does not keep anybody from a code', async (app) => {
    const me = await app.signedIn()
    await app.call(() => auth.oauthInstance.authApi.revokeAllDevices())
    assert.ok(await app.session(), 'the SDK still holds the dead session')
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), me.email)
    assert.ok(verification_id)
    const [request] = app.sent('/auth/v1/verification')
    assert.ok(request.headers().authorization, 'it was sent with the dead token')
  })

  method('verify', 'gives a token that proves the address', async (app) => {
    const email = newAddress()
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), email)
    const code = await codeFor(email)
    const proof = await app.call((p) => auth.verify(p), { verification_id, verification_code: code })
    assert.equal(proof.expires_in, 600)
    const session = await app.call((p) => auth.signUp(p).then(() => auth.getSession()), { email, ...proof })
    assert.equal(session.data.user.email, email)
  })

  method('verify', 'refuses a wrong code, and a used one', async (app) => {
    const email = newAddress()
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), email)
    const code = await codeFor(email)
    const redeem = (verification_code) => app.call((p) => auth.verify(p), { verification_id, verification_code })
    await assert.rejects(redeem(code === '000000' ? '000001' : '000000'), { error: 'invalid_verification_code' })
    await redeem(code)
    await assert.rejects(redeem(code), { error: 'invalid_argument', error_code: 3 })
  })

  method('verify', 'takes the code as a number, which has lost its leading zeros', async (app) => {
    const email = newAddress()
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), email)
    const verification_code = Number(await codeFor(email))
    const proof = await app.call((p) => auth.verify(p), { verification_id, verification_code })
    assert.equal(typeof app.sent('/auth/v1/verification/verify')[0].postDataJSON().verification_code, 'number')
    assert.ok(proof.verification_token)
  })

  method('verify', "version 'v2' signs in at once", async (app) => {
    const me = await newUser()
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), me.email)
    const verification_code = await codeFor(me.email, { mails: 2 })
    await app.call((p) => auth.verify({ ...p, version: 'v2' }), { verification_id, verification_code })
    const { access_token, version } = await app.session()
    assert.equal(version, 'v2')
    assert.equal((await profile(access_token)).sub, me.sub)
  })

  method('resend', 'mails another code, of which either mail’s is right', async (app) => {
    const email = newAddress()
    const outcome = await app.call(async (email) => {
      window.started = await auth.signUp({ email })
      return auth.resend({ email, type: 'signup' })
    }, email)
    assert.equal(outcome.error, null)
    const code = await codeFor(email, { mails: 2 })
    const { data } = await app.call((p) => started.data.verifyOtp(p), { token: code, messageId: outcome.data.messageId })
    assert.equal(data.user.email, email)
  })

  method('resend', 'type email_change mails the new address, though it has no user', async (app) => {
    await app.signedIn()
    const email = newAddress()
    const outcome = await app.call(async (email) => {
      const { data } = await auth.updateUser({ email })
      const again = await auth.resend({ email, type: 'email_change' })
      return { first: data.messageId, again }
    }, email)
    assert.equal(outcome.again.error, null)
    await codeFor(email, { mails: 2 })
  })

  method('resetPassword', 'sets the password of whoever proves the address, and ends all sessions', async (app) => {
    const me = await newUser()
    const { verification_token } = await proveAddress(me.email)
    const p = { email: me.email, new_password: OTHER_PASSWORD, verification_token }
    await app.call((p) => auth.resetPassword(p), p)
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
    assert.equal(await opens(me.email, me.password), false)
    assert.equal(await profile(me.elsewhere), null)
  })

  method('resetPasswordForEmail', 'mails a code, sets the password, signs in', async (app) => {
    const me = await newUser()
    await app.call(async (email) => { window.started = await auth.resetPasswordForEmail(email) }, me.email)
    const nonce = await codeFor(me.email, { mails: 2 })
    const { data, error } = await app.call((p) => started.data.updateUser(p), { nonce, password: OTHER_PASSWORD })
    assert.equal(error, null)
    assert.equal(data.user.id, me.sub)
    assert.equal(await opens(me.email, me.password), false)
    assert.equal(await profile(me.elsewhere), null)
  })

  method('resetPasswordForEmail', 'says so if nobody has the address', async (app) => {
    const { error } = await app.call((email) => auth.resetPasswordForEmail(email), newAddress())
    assert.equal(error.category, 'USER_NOT_FOUND')
  })

  method('sendPasswordResetEmail', 'mails a code', async (app) => {
    const email = newAddress()
    await app.call((email) => auth.sendPasswordResetEmail(email), email)
    await codeFor(email)
  })
})
