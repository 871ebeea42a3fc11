/**
 * Lost answers: the server has done the work, but the browser does not get the answer. The SDK then
 * sends the same request again, with the same x-request-id.
 */

import assert from 'node:assert/strict'
import { ask, codeFor, newAddress, newUser, opens, OTHER_PASSWORD, PASSWORD, profile, proveAddress, withEachVersion } from './support.js'

/** Check that the path was called twice, with the same request. */
function assertRepeated(app, path) {
  const [first, second, ...more] = app.sent(path)
  assert.equal(more.length, 0)
  assert.equal(first.headers()['x-request-id'], second.headers()['x-request-id'])
  assert.equal(first.postData(), second.postData())
}

withEachVersion((method) => {
  method('getVerification', 'a lost answer is given again, and only one mail is sent', async (app) => {
    const email = newAddress()
    await app.loseAnswer('/auth/v1/verification')
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), email)
    assertRepeated(app, '/auth/v1/verification')
    const verification_code = await codeFor(email)
    assert.ok((await app.call((p) => auth.verify(p), { verification_id, verification_code })).verification_token)
    await assert.rejects(codeFor(email, { mails: 2, patience: 20 }), /no such mail/)
  })

  method('verify', 'a lost answer is given again', async (app) => {
    const email = newAddress()
    const { verification_id } = await app.call((email) => auth.getVerification({ email }), email)
    const verification_code = await codeFor(email)
    await app.loseAnswer('/auth/v1/verification/verify')
    const { verification_token } = await app.call((p) => auth.verify(p), { verification_id, verification_code })
    assertRepeated(app, '/auth/v1/verification/verify')
    await app.call((p) => auth.signUp(p), { email, verification_token })
    assert.ok(await app.session())
  })

  method('signUp', 'a lost answer is given again: one account, one session', async (app) => {
    const email = newAddress()
    const { verification_token } = await proveAddress(email)
    await app.loseAnswer('/auth/v1/signup')
    await app.call((p) => auth.signUp(p), { email, verification_token, password: PASSWORD })
    assertRepeated(app, '/auth/v1/signup')
    const { access_token } = await app.session()
    assert.equal((await profile(access_token)).email, email)
    assert.equal((await app.call(() => auth.getUserBehaviorLog({ type: 'LOGIN', limit: 10 }))).data.length, 1)
  })

  method('signIn', 'a lost answer to a code is given again: one session', async (app) => {
    const me = await newUser()
    const { verification_token } = await proveAddress(me.email)
    await app.loseAnswer('/auth/v1/signin')
    await app.call((p) => auth.signIn(p), { username: me.email, verification_token })
    assertRepeated(app, '/auth/v1/signin')
    assert.equal((await profile((await app.session()).access_token)).sub, me.sub)
    assert.equal((await app.call(() => auth.getUserBehaviorLog({ type: 'LOGIN', limit: 10 }))).data.length, 2)
  })

  method('signInWithPassword', 'a lost answer does no harm', async (app) => {
    const me = await newUser()
    await app.loseAnswer('/auth/v1/signin')
    const { data } = await app.call((p) => auth.signInWithPassword(p), { email: me.email, password: PASSWORD })
    assertRepeated(app, '/auth/v1/signin')
    assert.equal(data.user.id, me.sub)
  })

  method('refreshSession', 'a lost answer is given again, with the same tokens', async (app) => {
    const me = await app.signedIn()
    await app.loseAnswer('/auth/v1/token')
    const { data, error } = await app.call(() => auth.refreshSession())
    assert.equal(error, null)
    assertRepeated(app, '/auth/v1/token')
    assert.equal((await profile(data.session.access_token)).sub, me.sub)
    await app.context.unrouteAll()
    assert.equal((await app.call(() => auth.refreshSession())).error, null)
  })

  method('resetPassword', 'a lost answer is given again', async (app) => {
    const me = await newUser()
    const { verification_token } = await proveAddress(me.email)
    await app.loseAnswer('/auth/v1/reset')
    await app.call((p) => auth.resetPassword(p), { email: me.email, new_password: OTHER_PASSWORD, verification_token })
    assertRepeated(app, '/auth/v1/reset')
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
  })

  method('setPassword', 'a lost answer is given again, though the sudo token is spent', async (app) => {
    const me = await app.signedIn()
    const { sudo_token } = await app.call((password) => auth.sudo({ password }), PASSWORD)
    await app.loseAnswer('/auth/v1/user/password')
    await app.call((p) => auth.setPassword(p), { new_password: OTHER_PASSWORD, sudo_token })
    assertRepeated(app, '/auth/v1/user/password')
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
  })

  method('bindEmail', 'a lost answer is given again', async (app) => {
    const me = await app.signedIn()
    const email = newAddress()
    const { sudo_token } = await app.call((password) => auth.sudo({ password }), PASSWORD)
    const { verification_token } = await proveAddress(email)
    await app.loseAnswer('/auth/v1/user/contact')
    await app.call((p) => auth.bindEmail(p), { email, sudo_token, verification_token })
    assertRepeated(app, '/auth/v1/user/contact')
    assert.equal((await profile(me.session.access_token)).email, email)
  })

  method('signOut', 'a lost answer does no harm', async (app) => {
    const me = await app.signedIn()
    await app.loseAnswer('/auth/v1/revoke')
    assert.equal((await app.call(() => auth.signOut())).error, null)
    assertRepeated(app, '/auth/v1/revoke')
    assert.equal(await profile(me.session.access_token), null)
  })

  method('getUser', 'three failures reach the app as unreachable, and the session stays', async (app) => {
    await app.signedIn()
    await app.context.setOffline(true)
    const { error } = await app.call(() => auth.refreshUser())
    assert.equal(error.code, 'unreachable')
    await app.context.setOffline(false)
    assert.equal((await app.call(() => auth.refreshUser())).error, null)
  })

  method('signIn', 'a second request with another id is not a repeat', async () => {
    const me = await newUser()
    const { verification_token } = await proveAddress(me.email)
    const signIn = () => ask('POST', '/v1/signin', { body: { username: me.email, verification_token } })
    assert.deepEqual([(await signIn()).status, (await signIn()).status], [200, 400])
  })
})
