/** Sessions: keep them, refresh them, share them between tabs, end them. */

import assert from 'node:assert/strict'
import { API, App, ask, CLIENT, newContext, profile, withEachVersion } from './support.js'

const refresh = (refresh_token, device) =>
  ask('POST', '/v1/token', { device, body: { client_id: CLIENT, grant_type: 'refresh_token', refresh_token } })

withEachVersion((method) => {
  method('getSession', 'gives the kept session without a call', async (app) => {
    const me = await app.signedIn()
    const before = app.requests.length
    const { data, error } = await app.call(() => auth.getSession())
    assert.equal(error, null)
    assert.equal(data.session.access_token, me.session.access_token)
    assert.equal(data.user.id, me.sub)
    assert.equal(app.requests.length, before)
  })

  method('getSession', 'refreshes a session whose access token is past its time', async (app) => {
    const me = await app.signedIn()
    await app.expire()
    const { data, error } = await app.call(() => auth.getSession())
    assert.equal(error, null)
    assert.notEqual(data.session.refresh_token, me.session.refresh_token)
    assert.equal((await profile(data.session.access_token)).sub, me.sub)
  })

  method('getSession', 'says so, and forgets the session, if it was ended elsewhere', async (app) => {
    const me = await app.signedIn()
    await ask('DELETE', '/v1/user/revoke/all', { token: me.session.access_token })
    await app.expire()
    const { data, error } = await app.call(() => auth.getSession())
    assert.deepEqual([data.session, error.code], [null, 'unauthenticated'])
    assert.equal(await app.session(), null)
  })

  method('getSession', 'keeps the session through trouble of the server', async (app) => {
    const me = await app.signedIn()
    await app.expire()
    const trouble = { error: 'unavailable', error_code: 14, error_description: 'busy' }
    await app.context.route(`${API}/auth/v1/token*`, (route) => route.fulfill({ status: 503, json: trouble, headers: { 'access-control-allow-origin': '*' } }))
    const { error } = await app.call(() => auth.getSession())
    assert.equal(error.code, 'unavailable')
    assert.ok(await app.session())
    await app.context.unrouteAll()
    assert.equal((await app.call(() => auth.getSession())).data.session.sub, me.sub)
  })

  method('getSession', 'two tabs that refresh at once both stay signed in', async (app) => {
    const me = await app.signedIn()
    const other = await app.tab()
    await app.expire()
    await other.page.reload()
    const answers = await Promise.all([app, other].map((tab) => tab.call(() => auth.getSession())))
    assert.deepEqual(answers.map(({ error }) => error), [null, null])
    assert.equal(app.sent('/auth/v1/token').length + other.sent('/auth/v1/token').length, 2)
    for (const tab of [app, other]) {
      await tab.expire()
      assert.equal((await tab.call(() => auth.getSession())).data.session.sub, me.sub)
    }
  })

  method('refreshSession', 'moves to the next tokens, and again', async (app) => {
    const me = await app.signedIn()
    const first = await app.call(() => auth.refreshSession())
    const second = await app.call(() => auth.refreshSession())
    assert.deepEqual([first.error, second.error], [null, null])
    const tokens = [me.session, first.data.session, second.data.session].map((s) => s.refresh_token)
    assert.equal(new Set(tokens).size, 3)
    assert.equal((await refresh(tokens[0], await device(app))).body.error, 'invalid_grant', 'the first is spent')
  })

  method('refreshSession', 'with a refresh token of another browser', async (app) => {
    const me = await app.signedIn()
    const elsewhere = await App.open(await newContext(), app.version)
    await elsewhere.signedIn()
    const { data, error } = await elsewhere.call((token) => auth.refreshSession(token), me.session.refresh_token)
    assert.equal(error, null)
    assert.equal(data.session.sub, me.sub)
    await elsewhere.context.close()
  })

  method('refreshTokenForce', 'refreshes at both addresses', async (app) => {
    const me = await app.signedIn()
    for (const version of ['v1', 'v2', undefined]) {
      const { sub } = await app.call((version) => auth.refreshTokenForce({ version }), version)
      assert.equal(sub, me.sub)
    }
    assert.equal(app.sent('/auth/v2/token').length, 1)
  })

  method('setSession', 'takes a session over', async (app) => {
    const me = await app.signedIn()
    const elsewhere = await App.open(await newContext(), app.version)
    const { error } = await elsewhere.call((session) => auth.setSession(session), me.session)
    assert.equal(error, null)
    const { data } = await elsewhere.call(() => auth.getUser())
    assert.equal(data.user.email, me.email)
    await elsewhere.context.close()
  })

  method('setSession', 'refuses a token that is none', async (app) => {
    const { error } = await app.call(() => auth.setSession({ access_token: 'x', refresh_token: 'y' }))
    assert.equal(error.code, 'invalid_grant')
  })

  method('getClaims', 'shows what the access token says', async (app) => {
    const me = await app.signedIn()
    const { data, error } = await app.call(() => auth.getClaims())
    assert.equal(error, null)
    const { sub, aud, client_id, iss, scope, exp, iat } = data.claims
    const wanted = { sub: me.sub, aud: 'latchkey', client_id: CLIENT, iss: API, scope: 'user', life: 7200 }
    assert.deepEqual({ sub, aud, client_id, iss, scope, life: exp - iat }, wanted)
    assert.equal(data.header.alg, 'RS256')
  })

  method('getAccessToken', 'gives the token', async (app) => {
    const me = await app.signedIn()
    const { accessToken } = await app.call(() => auth.getAccessToken())
    assert.equal(accessToken, me.session.access_token)
  })

  method('getCredentials', 'gives the session', async (app) => {
    const me = await app.signedIn()
    assert.equal((await app.call(() => auth.getCredentials())).sub, me.sub)
  })

  method('loginScope', 'is the session’s', async (app) => {
    await app.signedIn()
    assert.equal(await app.call(() => auth.loginScope()), 'user')
  })

  method('loginGroups', 'is a list', async (app) => {
    await app.signedIn()
    assert.deepEqual(await app.call(() => auth.loginGroups()), [])
  })

  method('getLoginState', 'and hasLoginState say whether somebody is signed in', async (app) => {
    const state = () => app.call(async () => [Boolean(await auth.getLoginState()), Boolean(auth.hasLoginState())])
    assert.deepEqual(await state(), [false, false])
    await app.signedIn()
    assert.deepEqual(await state(), [true, true])
  })

  method('grantToken', 'gives tokens of the next generation, which the SDK does not keep', async (app) => {
    const me = await app.signedIn()
    const request = { grant_type: 'refresh_token', refresh_token: me.session.refresh_token }
    await app.call((request) => auth.grantToken(request), { ...request, client_id: CLIENT, client_secret: '' })
    assert.equal((await app.session()).refresh_token, me.session.refresh_token)
    assert.equal((await app.call(() => auth.refreshSession())).error, null, 'the kept one still works for a while')
  })

  method('signOut', 'ends the session, here and on the server', async (app) => {
    const me = await app.signedIn()
    assert.equal((await app.call(() => auth.signOut())).error, null)
    assert.equal(app.sent('/auth/v1/revoke').length, 1)
    assert.equal(await app.session(), null)
    assert.equal(await profile(me.session.access_token), null)
    assert.ok(await profile(me.elsewhere), 'other devices stay')
  })

  method('signOut', 'with an argument, which comes back', async (app) => {
    const me = await app.signedIn()
    const { redirect_uri } = await app.call(() => auth.signOut({ redirect_uri: 'https://app.example/bye', state: 's' }))
    assert.equal(redirect_uri, 'https://app.example/bye')
    assert.equal(app.sent('/auth/v1/user/signout').length, 1)
    assert.equal(await profile(me.session.access_token), null)
  })

  method('signOut', 'without a session is an error, and no call', async (app) => {
    assert.ok((await app.call(() => auth.signOut())).error)
    assert.equal(app.requests.length, 0)
  })

  method('authApi.revokeAllDevices', 'ends every session', async (app) => {
    const me = await app.signedIn()
    await app.call(() => auth.oauthInstance.authApi.revokeAllDevices())
    assert.deepEqual([await profile(me.session.access_token), await profile(me.elsewhere)], [null, null])
  })

  method('authApi.revokeDevice', 'ends the sessions of one device', async (app) => {
    const me = await app.signedIn()
    await app.call((device_id) => auth.oauthInstance.authApi.revokeDevice({ device_id }), 'direct')
    assert.equal(await profile(me.elsewhere), null)
    assert.ok(await profile(me.session.access_token))
  })

  method('onAuthStateChange', 'tells of sign-in, refresh and sign-out', async (app) => {
    await app.call(() => { window.events = []; auth.onAuthStateChange((event) => events.push(event)) })
    await app.signedIn()
    await app.call(() => auth.refreshSession())
    await app.call(() => auth.signOut())
    await app.page.waitForFunction(() => events.includes('SIGNED_OUT'))
    assert.deepEqual(await app.call(() => events.filter((e) => e !== 'INITIAL_SESSION')), ['SIGNED_IN', 'TOKEN_REFRESHED', 'SIGNED_OUT'])
  })

  method('onLoginStateChanged', 'tells of sign-in and sign-out, and of a call for which there is no session', async (app) => {
    await app.call(() => { window.events = []; auth.onLoginStateChanged((state) => events.push(state?.data?.eventType)) })
    await app.signedIn()
    await app.call(() => auth.signOut())
    await app.page.waitForFunction(() => ['sign_in', 'sign_out'].every((event) => events.includes(event)))
    await app.call(() => { events = [] })
    await assert.rejects(app.call(() => auth.getAccessToken()), { error: 'unauthenticated' })
    await app.page.waitForFunction(() => events.includes('credentials_error'))
  })
})


const device = (app) => app.page.evaluate(() => localStorage.getItem('device_id'))
