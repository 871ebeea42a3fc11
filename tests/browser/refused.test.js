/** Other kinds of login, and other origins, are refused in words that the SDK understands. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API, App, newContext, PAGES, STRANGER, withEachVersion } from './support.js'

const PHONE = '13800000000'
const asVisitor = {
  'getVerification with a phone number': (p) => auth.getVerification({ phone_number: p }),
  signInAnonymously: () => auth.signInAnonymously({}),
  'signUp with a phone number': (phone) => auth.signUp({ phone }),
  'signInWithOtp with a phone number': (phone) => auth.signInWithOtp({ phone }),
  'signInWithPassword with a phone number': (phone) => auth.signInWithPassword({ phone, password: 'abcd1234' }),
  'resetPasswordForEmail with a phone number': (phone) => auth.resetPasswordForEmail(phone),
  sendPhoneCode: (phone) => auth.sendPhoneCode(phone),
  signInWithProvider: () => auth.signInWithProvider({ provider_token: 'x' }),
  signInWithIdToken: () => auth.signInWithIdToken({ token: 'x' }),
  signInWithWechat: () => auth.signInWithWechat(),
  signInWithCustomTicket: () => auth.signInWithCustomTicket(async () => 'ticket'),
  genProviderRedirectUri: () => auth.genProviderRedirectUri({ provider_id: 'github', provider_redirect_uri: 'https://a.example', state: 's' }),
  signInWithOAuth: () => auth.signInWithOAuth({ provider: 'github', options: { skipBrowserRedirect: true } }),
  grantProviderToken: () => auth.grantProviderToken({ provider_id: 'github' }),
  patchProviderToken: () => auth.patchProviderToken({ provider_token: 'x' }),
  deviceAuthorize: () => auth.deviceAuthorize({ client_id: 'x' }),
  getMiniProgramQrCode: () => auth.getMiniProgramQrCode({}),
  getMiniProgramQrCodeStatus: () => auth.getMiniProgramQrCodeStatus({}),
  getProviderSubType: () => auth.getProviderSubType(),
}
const asUser = {
  'updateUser with a phone number': (phone) => auth.updateUser({ phone }),
  bindPhoneNumber: (phone) => auth.bindPhoneNumber({ phone_number: `+86 ${phone}`, sudo_token: 'x', verification_token: 'x' }),
  bindWithProvider: () => auth.bindWithProvider({ provider_token: 'x' }),
  unbindProvider: () => auth.unbindProvider({ provider_id: 'github' }),
  unlinkIdentity: () => auth.unlinkIdentity({ provider: 'github' }),
  getWedaUserInfo: () => auth.getWedaUserInfo(),
  'authApi.authorize': () => auth.oauthInstance.authApi.authorize({ client_id: 'x' }),
  'authApi.authorizeDevice': () => auth.oauthInstance.authApi.authorizeDevice({ user_code: 'x' }),
  'authApi.authorizeInfo': () => auth.oauthInstance.authApi.authorizeInfo({ client_id: 'x' }),
  'authApi.changeBoundProvider': () => auth.oauthInstance.authApi.changeBoundProvider({ trans_token: 'x' }),
  'authApi.transByProvider': () => auth.oauthInstance.authApi.transByProvider({ provider_token: 'x' }),
}

/** Return the error, whether it was thrown or returned. */
const errorOf = async (app, body) => {
  const outcome = await app.call(body, PHONE).catch((error) => ({ error }))
  assert.ok(outcome?.error, `not refused: ${JSON.stringify(outcome)}`)
  const { error } = outcome
  return { name: error.code ?? error.error, code: error.errorCode ?? error.error_code }
}
const clear = [{ name: 'login_type_disabled', code: 4045 }, { name: 'unimplemented', code: 12 }]

withEachVersion((method) => {
  for (const [name, body] of Object.entries(asVisitor)) {
    method(name, 'is refused clearly', async (app) => {
      const error = await errorOf(app, body)
      assert.ok(clear.some(({ name, code }) => name === error.name && code === error.code), JSON.stringify(error))
      assert.equal(await app.session(), null)
    })
  }

  for (const [name, body] of Object.entries(asUser)) {
    method(name, 'is refused clearly, and the session goes on', async (app) => {
      await app.signedIn()
      const error = await errorOf(app, body)
      assert.ok(clear.some(({ name, code }) => name === error.name && code === error.code), JSON.stringify(error))
      assert.ok(await app.session())
    })
  }

  method('CORS', 'an origin that is not allowed gets nothing', async (app) => {
    const context = await newContext()
    const stranger = await App.open(context, app.version, STRANGER)
    await assert.rejects(stranger.call(() => auth.getVerification({ email: 'a@example.com' })), { error: 'unreachable' })
    await context.close()
  })
})

test('preflights name each header and method, for the allowed origins only, and are kept', async () => {
  const preflight = (origin) =>
    fetch(`${API}/auth/v1/user/password`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,x-device-id,x-request-id,x-sdk-version',
      },
    })
  const { headers } = await preflight(PAGES)
  assert.equal(headers.get('access-control-allow-origin'), PAGES)
  const allowed = headers.get('access-control-allow-headers').toLowerCase().split(/, */)
  for (const name of ['authorization', 'x-device-id', 'x-request-id', 'x-sdk-version']) assert.ok(allowed.includes(name), name)
  assert.match(headers.get('access-control-allow-methods'), /PATCH/)
  assert.ok(Number(headers.get('access-control-max-age')) >= 600)
  const another = await preflight('https://another.example')
  assert.equal(another.headers.get('access-control-allow-origin'), 'https://another.example')
  assert.equal((await preflight(STRANGER)).headers.get('access-control-allow-origin'), null)
})

test('errors carry the headers too, those of unknown routes included', async () => {
  for (const path of ['/auth/v1/signin', '/auth/v1/nothing', '/']) {
    const answer = await fetch(API + path, { method: 'POST', headers: { origin: PAGES }, body: '{' })
    assert.equal(answer.headers.get('access-control-allow-origin'), PAGES, path)
    assert.ok((await answer.json()).error, path)
  }
})
