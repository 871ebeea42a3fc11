/** The signed-in user: profile, address, password, history, deletion. */

import assert from 'node:assert/strict'
import {
  ask, codeFor, mailTo, newAddress, newUser, newUsername, NOTICES, opens, OTHER_PASSWORD, PASSWORD, profile, proveAddress, startCode, withEachVersion,
} from './support.js'

const sudo = (app, password = PASSWORD) => app.call((password) => auth.sudo({ password }), password)

withEachVersion((method) => {
  for (const name of ['getUserInfo', 'getCurrentUser']) {
    method(name, 'gives the profile as it is now', async (app) => {
      const me = await app.signedIn({ name: 'Ada' })
      await ask('PATCH', '/v1/user/profile', { token: me.elsewhere, body: { name: 'Grace' } })
      const { uid, email, name: told } = await app.call((name) => auth[name]().then(({ uid, email, name }) => ({ uid, email, name })), name)
      assert.deepEqual({ uid, email, told }, { uid: me.sub, email: me.email, told: 'Grace' })
    })
  }

  method('getUser', 'gives the user in the newer form', async (app) => {
    const me = await app.signedIn({ username: newUsername(), name: 'Ada' })
    const { data, error } = await app.call(() => auth.getUser())
    assert.equal(error, null)
    const { id, email, user_metadata, created_at, last_sign_in_at, is_anonymous } = data.user
    assert.deepEqual([id, email, is_anonymous], [me.sub, me.email, false])
    assert.deepEqual([user_metadata.name, user_metadata.username, user_metadata.hasPassword], ['Ada', me.username, true])
    assert.ok(Math.abs(Date.now() - Date.parse(created_at)) < 60_000 && last_sign_in_at)
  })

  method('refreshUser', 'and User.refresh read the profile anew', async (app) => {
    const me = await app.signedIn({ name: 'Ada' })
    await ask('PATCH', '/v1/user/profile', { token: me.elsewhere, body: { name: 'Grace' } })
    const { data, error } = await app.call(() => auth.refreshUser())
    assert.equal(error, null)
    assert.equal(data.user.user_metadata.name, 'Grace')
    assert.equal((await app.call(() => auth.currentUser.refresh())).sub, me.sub)
  })

  method('refreshUser', 'says that the session was ended elsewhere, and forgets it', async (app) => {
    const me = await app.signedIn()
    await ask('DELETE', '/v1/user/revoke/all', { token: me.session.access_token })
    const { error } = await app.call(() => auth.refreshUser())
    assert.equal(error.code, 'unauthenticated')
    assert.equal(await app.session(), null)
  })

  method('User.update', 'changes the profile', async (app) => {
    const me = await app.signedIn()
    const changes = { name: 'Ada', gender: 'FEMALE', picture: 'https://a.example/b.png', locale: 'en-US' }
    await app.call((p) => auth.currentUser.update(p), changes)
    const { name, gender, picture, locale } = await profile(me.session.access_token)
    assert.deepEqual({ name, gender, picture, locale }, changes)
    assert.deepEqual(await app.call(() => [auth.currentUser.uid, auth.currentUser.name]), [me.sub, 'Ada'])
  })

  method('User.update', 'never changes id, address or times of the account', async (app) => {
    const me = await app.signedIn()
    const before = await profile(me.elsewhere)
    await app.call((p) => auth.currentUser.update(p), { name: 'Ada', sub: 'x', uid: 'x', email: newAddress(), created_at: 0, email_verified: false, hasPassword: false }).catch(() => {})
    const { sub, uid, email, created_at, hasPassword } = await profile(me.elsewhere)
    assert.deepEqual({ sub, uid, email, created_at, hasPassword }, { sub: before.sub, uid: before.uid, email: before.email, created_at: before.created_at, hasPassword: true })
  })

  method('User.updateUsername', 'sets the user name, which signs in', async (app) => {
    const me = await app.signedIn()
    const username = newUsername()
    await app.call((name) => auth.currentUser.updateUsername(name), username)
    assert.equal(await opens(username, me.password), true)
  })

  method('User.updateUsername', 'refuses one that is taken', async (app) => {
    const { username } = await newUser({ username: newUsername() })
    await app.signedIn()
    await assert.rejects(app.call((name) => auth.currentUser.updateUsername(name), username), { error: 'failed_precondition' })
  })

  method('updateUserBasicInfo', 'changes the profile under the names of basic/edit', async (app) => {
    const me = await app.signedIn()
    const p = { nickname: 'Ada', avatar_url: 'https://a.example/b.png', username: newUsername() }
    await app.call((p) => auth.updateUserBasicInfo(p), p)
    const { name, picture, username } = await profile(me.session.access_token)
    assert.deepEqual([name, picture, username], [p.nickname, p.avatar_url, p.username])
    assert.equal(await app.call(() => auth.currentUser.name), 'Ada')
  })

  method('User.updateUserBasicInfo', 'does the same', async (app) => {
    const me = await app.signedIn()
    await app.call(() => auth.currentUser.updateUserBasicInfo({ nickname: 'Ada' }))
    assert.equal((await profile(me.session.access_token)).name, 'Ada')
  })

  method('updateUser', 'changes the profile', async (app) => {
    await app.signedIn()
    const { data, error } = await app.call(() => auth.updateUser({ nickname: 'Ada' }))
    assert.equal(error, null)
    assert.equal(data.user.user_metadata.name, 'Ada')
  })

  method('updateUser', 'changes the address once a code has proven it', async (app) => {
    const me = await app.signedIn()
    const email = newAddress()
    await app.call(async (email) => { window.started = await auth.updateUser({ email, nickname: 'Ada' }) }, email)
    assert.equal((await profile(me.session.access_token)).email, me.email, 'not before')
    const { data, error } = await app.call((p) => started.data.verifyOtp(p), { email, token: await codeFor(email) })
    assert.equal(error, null)
    assert.equal(data.user.email, email)
    assert.equal(await opens(email, me.password), true)
    assert.equal(await opens(me.email, me.password), false)
    assert.equal(await profile(me.elsewhere), null, 'other sessions end')
    await mailTo(me.email, { subject: NOTICES.address }) // the old address is told
  })

  method('updateUser', 'changes the address also if verifyOtp does not name it', async (app) => {
    await app.signedIn()
    const email = newAddress()
    await app.call(async (email) => { window.started = await auth.updateUser({ email }) }, email)
    const { data, error } = await app.call((p) => started.data.verifyOtp(p), { token: await codeFor(email) })
    assert.equal(error, null)
    assert.equal(data.user.email, email)
  })

  method('updateUser', 'refuses a wrong code, and an address that was proven by somebody else', async (app) => {
    const me = await app.signedIn()
    const email = newAddress()
    await app.call(async (email) => { window.started = await auth.updateUser({ email }) }, email)
    const code = await codeFor(email)
    const { error } = await app.call((p) => started.data.verifyOtp(p), { email, token: code === '000000' ? '000001' : '000000' })
    assert.equal(error.category, 'VERIFICATION_FAILED')
    await proveAddress(email) // no signed-in user asked for this code
    await assert.rejects(app.call((email) => auth.updateUserBasicInfo({ email }), email), { error: 'failed_precondition' })
    assert.equal((await profile(me.session.access_token)).email, me.email)
  })

  method('updateUser', 'says that an address is taken', async (app) => {
    const other = await newUser()
    await app.signedIn()
    await app.call(async (email) => { window.started = await auth.updateUser({ email }) }, other.email)
    const token = await codeFor(other.email, { mails: 2 })
    const { error } = await app.call((p) => started.data.verifyOtp(p), { email: other.email, token })
    assert.equal(error.category, 'PRECONDITION_FAILED')
  })

  method('updateUser', 'changes the password with 2.32, which sends both; 3.7 refuses by itself', async (app) => {
    const me = await app.signedIn()
    const { error } = await app.call((p) => auth.updateUser(p), { password: PASSWORD, new_password: OTHER_PASSWORD })
    const changed = app.version === '2.32.0'
    assert.equal(error === null, changed)
    assert.equal(await opens(me.email, OTHER_PASSWORD), changed)
  })

  method('User.updateEmail', 'is refused: it proves nothing', async (app) => {
    const me = await app.signedIn()
    const email = newAddress()
    await assert.rejects(app.call((email) => auth.currentUser.updateEmail(email, 'x'), email), { error: 'failed_precondition' })
    assert.equal((await profile(me.session.access_token)).email, me.email)
  })

  method('User.updatePassword', 'changes the password, and ends all other sessions', async (app) => {
    const me = await app.signedIn()
    await app.call((p) => auth.currentUser.updatePassword(...p), [OTHER_PASSWORD, PASSWORD])
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
    assert.equal(await opens(me.email, PASSWORD), false)
    assert.equal(await profile(me.elsewhere), null)
    assert.ok(await profile(me.session.access_token), 'this one goes on')
    await mailTo(me.email, { subject: NOTICES.password }) // the user is told
  })

  method('User.updatePassword', 'with a wrong one is refused, and the session goes on', async (app) => {
    const me = await app.signedIn()
    const changed = app.call((p) => auth.currentUser.updatePassword(...p), [OTHER_PASSWORD, 'wrong-one-1'])
    await assert.rejects(changed, { error: 'invalid_password' })
    assert.ok(await app.session())
    assert.equal(await opens(me.email, PASSWORD), true)
  })

  method('resetPasswordForOld', 'changes the password', async (app) => {
    const me = await app.signedIn()
    const p = { old_password: PASSWORD, new_password: OTHER_PASSWORD }
    const { data, error } = await app.call((p) => auth.resetPasswordForOld(p), p)
    assert.equal(error, null)
    assert.equal(data.user.id, me.sub)
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
  })

  method('resetPasswordForOld', 'refuses the same password, a weak one, and the address', async (app) => {
    const me = await app.signedIn()
    for (const new_password of [PASSWORD, 'short1', 'no-digit-here', me.email]) {
      const { error } = await app.call((p) => auth.resetPasswordForOld(p), { old_password: PASSWORD, new_password })
      assert.equal(error.code, 'invalid_argument', new_password)
      assert.match(error.message, /password/)
    }
  })

  method('sudo', 'by password or by code', async (app) => {
    const me = await app.signedIn()
    assert.equal((await sudo(app)).expires_in, 600)
    const { verification_token } = await proveAddress(me.email)
    assert.ok((await app.call((verification_token) => auth.sudo({ verification_token }), verification_token)).sudo_token)
    await assert.rejects(sudo(app, 'wrong-one-1'), { error: 'invalid_password' })
    assert.ok(await app.session(), 'a wrong password does not sign out')
  })

  method('authApi.checkPassword', 'tells the right password from a wrong one', async (app) => {
    await app.signedIn()
    const check = (password) => app.call((password) => auth.oauthInstance.authApi.checkPassword({ password }), password)
    await check(PASSWORD)
    await assert.rejects(check('wrong-one-1'), { error: 'invalid_password' })
  })

  method('sudo', 'says so if there is no password', async (app) => {
    await app.signedIn({ password: null })
    await assert.rejects(sudo(app), { error: 'password_not_set' })
  })

  method('setPassword', 'sets the first password, by a sudo token', async (app) => {
    const me = await app.signedIn({ password: null })
    const { verification_token } = await proveAddress(me.email)
    await app.call(async ({ verification_token, new_password }) => {
      const { sudo_token } = await auth.sudo({ verification_token })
      await auth.setPassword({ new_password, sudo_token })
    }, { verification_token, new_password: PASSWORD })
    assert.equal(await opens(me.email, PASSWORD), true)
  })

  method('setPassword', 'refuses a sudo token of another user, of another session, or none', async (app) => {
    const me = await app.signedIn()
    const other = await newUser()
    const tokens = await Promise.all([other.elsewhere, me.elsewhere].map((token) => ask('POST', '/v1/user/sudo', { token, body: { password: PASSWORD } })))
    for (const sudo_token of [...tokens.map(({ body }) => body.sudo_token), '', 'x']) {
      const set = app.call((p) => auth.setPassword(p), { new_password: OTHER_PASSWORD, sudo_token })
      await assert.rejects(set, { error: 'failed_precondition', error_code: 9 })
    }
    assert.equal(await opens(me.email, PASSWORD), true)
    assert.ok(await app.session())
  })

  method('reauthenticate', 'with a new password sets it, by code', async (app) => {
    const me = await app.signedIn()
    await app.call(async () => { window.started = await auth.reauthenticate() })
    const nonce = await codeFor(me.email, { mails: 2 })
    const { error } = await app.call((p) => started.data.updateUser(p), { nonce, password: OTHER_PASSWORD })
    assert.equal(error, null)
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
  })

  method('reauthenticate', 'without a password signs in anew, with a blank user name', async (app) => {
    const me = await app.signedIn()
    await app.call(async () => { window.started = await auth.reauthenticate() })
    const nonce = await codeFor(me.email, { mails: 2 })
    const { data, error } = await app.call((p) => started.data.updateUser(p), { nonce })
    assert.equal(error, null)
    assert.equal(data.user.id, me.sub)
    assert.equal(app.sent('/auth/v1/signin').at(-1).postDataJSON().username, '')
  })

  method('bindEmail', 'changes the address, by sudo token and proof', async (app) => {
    const me = await app.signedIn()
    const email = newAddress()
    const { sudo_token } = await sudo(app)
    const { verification_token } = await proveAddress(email)
    await app.call((p) => auth.bindEmail(p), { email, sudo_token, verification_token })
    assert.equal((await profile(me.session.access_token)).email, email)
    assert.equal(await profile(me.elsewhere), null)
    await mailTo(me.email, { subject: NOTICES.address })
  })

  method('bindEmail', 'refuses without sudo, without proof, and a taken address', async (app) => {
    const me = await app.signedIn()
    const [email, other] = [newAddress(), await newUser()]
    const { sudo_token } = await sudo(app)
    const { verification_token } = await proveAddress(email)
    const taken = await proveAddress(other.email)
    const bind = (p) => app.call((p) => auth.bindEmail(p), p)
    await assert.rejects(bind({ email, verification_token }), { error: 'failed_precondition' })
    await assert.rejects(bind({ email, sudo_token }), { error: 'invalid_argument' })
    await assert.rejects(bind({ email, sudo_token, verification_token: taken.verification_token }), { error: 'invalid_argument' })
    await assert.rejects(bind({ email: other.email, sudo_token, verification_token: taken.verification_token }), { error: 'failed_precondition' })
    assert.equal((await profile(me.session.access_token)).email, me.email)
  })

  method('getProviders', 'lists e-mail, and getUserIdentities as bound', async (app) => {
    const me = await app.signedIn()
    const { total, data } = await app.call(() => auth.getProviders())
    assert.deepEqual([total, data[0].id, data[0].provider_user_name], [1, 'email', me.email])
    const identities = await app.call(() => auth.getUserIdentities())
    assert.equal(identities.data.identities.length, 1)
  })

  method('queryUser', 'finds by id, user name and address, and tells nobody’s address', async (app) => {
    const other = await newUser({ username: newUsername(), name: 'Grace' })
    const me = await app.signedIn()
    const find = (p) => app.call((p) => auth.queryUser(p), p)
    for (const by of [{ id: [other.sub] }, { username: other.username }, { email: other.email }]) {
      const { total, data } = await find(by)
      assert.equal(total, 1)
      assert.deepEqual([data[0].sub, data[0].name, data[0].email], [other.sub, 'Grace', undefined])
    }
    assert.equal((await find({ id: [me.sub, other.sub] })).total, 2)
    assert.deepEqual(await find({ username: other.username.slice(0, -1) }), { total: 0, data: [] })
  })

  method('getUserBehaviorLog', 'lists sign-ins, and changes, page by page', async (app) => {
    const me = await app.signedIn()
    await app.call((p) => auth.currentUser.updatePassword(...p), [OTHER_PASSWORD, PASSWORD])
    const log = (p) => app.call((p) => auth.getUserBehaviorLog(p), p)
    const pages = [await log({ type: 'LOGIN', limit: 1 })]
    while (pages.at(-1).page_token) // a page may be empty: it looks through `limit` entries of all actions
      pages.push(await log({ type: 'LOGIN', limit: 1, page_token: pages.at(-1).page_token }))
    const seen = pages.flatMap(({ data }) => data) // entries of the same second come in any order
    assert.equal(seen.length, 2)
    const here = pages[0].device_id // the name of the asking device
    assert.equal(new Set(seen.map(({ device_id }) => device_id)).size, 2)
    assert.match(seen.find(({ device_id }) => device_id === here).user_agent, /Chrome/)
    const id = await app.page.evaluate(() => localStorage.getItem('device_id'))
    assert.ok(!JSON.stringify(pages).includes(id), 'the id itself is not told')
    const { data } = await log({ type: 'MODIFY', limit: 10 })
    assert.ok(data.some(({ action }) => action === 'PASSWORD_CHANGED'))
    assert.ok(data.every(({ action }) => action !== 'USER_LOGIN'))
    assert.ok((await log({ type: 'LOGIN' })).data.length >= 2, 'limit may be "undefined"')
    assert.ok(me)
  })

  method('modifyPassword', 'changes the password, encrypted', async (app) => {
    const me = await app.signedIn()
    const p = { user_id: me.sub, password: PASSWORD, new_password: OTHER_PASSWORD }
    await app.call((p) => auth.modifyPassword(p), p)
    assert.doesNotMatch(app.sent('/auth/v1/user/basic/edit')[0].postData(), new RegExp(`${PASSWORD}|${OTHER_PASSWORD}`))
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
    assert.equal(await profile(me.elsewhere), null)
  })

  method('modifyPassword', 'refuses a wrong password, and another user’s id', async (app) => {
    const me = await app.signedIn()
    const other = await newUser()
    const modify = (p) => app.call((p) => auth.modifyPassword(p), { new_password: OTHER_PASSWORD, ...p })
    await assert.rejects(modify({ user_id: me.sub, password: 'wrong-one-1' }), { error: 'invalid_password' })
    await assert.rejects(modify({ user_id: other.sub, password: PASSWORD }), { error: 'invalid_argument' })
    assert.deepEqual([await opens(me.email, PASSWORD), await opens(other.email, PASSWORD)], [true, true])
  })

  method('modifyPasswordWithoutLogin', 'changes the password of whoever knows it', async (app) => {
    const me = await newUser()
    const modify = (password) => app.call((p) => auth.modifyPasswordWithoutLogin(p), { username: me.email, password, new_password: OTHER_PASSWORD })
    await assert.rejects(modify('wrong-one-1'), { error: 'invalid_username_or_password' })
    await modify(PASSWORD)
    assert.equal(await opens(me.email, OTHER_PASSWORD), true)
    assert.equal(await profile(me.elsewhere), null)
  })

  method('deleteMe', 'removes the account for good, by a sudo token', async (app) => {
    const me = await app.signedIn()
    await assert.rejects(app.call(() => auth.deleteMe({ sudo_token: 'x' })), { error: 'failed_precondition' })
    await app.call((sudo_token) => auth.deleteMe({ sudo_token }), (await sudo(app)).sudo_token)
    assert.equal(await profile(me.session.access_token), null)
    assert.equal(await opens(me.email, PASSWORD), false)
    const { body } = await ask('GET', `/v1/checkIfUserExist?username=${encodeURIComponent(me.email)}`)
    assert.equal(body.exist, false, 'the address is free again')
    await mailTo(me.email, { subject: NOTICES.deletion })
  })

  method('deleteUser', 'removes the account, by password', async (app) => {
    const me = await app.signedIn()
    assert.equal((await app.call((p) => auth.deleteUser(p), { password: 'wrong-one-1' })).error.code, 'invalid_password')
    assert.equal((await app.call((p) => auth.deleteUser(p), { password: PASSWORD })).error, null)
    assert.equal(await profile(me.session.access_token), null)
    assert.equal(await profile(me.elsewhere), null)
    const { id, code } = await startCode(me.email)
    assert.ok(id && code, 'the address may register again')
  })
})
