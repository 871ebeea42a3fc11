/**
 * The SDK's own dialog: it shows the picture, sends what somebody reads in it, and repeats the call.
 * The answer comes from tests/captchas.py, because a test has no eyes.
 */

import assert from 'node:assert/strict'
import { ask, codeFor, newAddress, newUser, PASSWORD, profile, textOf, useUpHalf, withEachVersion } from './support.js'

const DRAW = '/auth/v1/captcha/data'
const ANSWER = '/auth/v1/captcha/data/verify'
const SIGN_IN = '/auth/v1/signin'
const SEND = '/auth/v1/verification'

/** Wait for the dialog, and return the picture that it shows. */
async function picture(app) {
  const image = app.page.locator('#captcha-image')
  await image.waitFor()
  for (;;) {
    const drawn = app.sent(DRAW).at(-1)
    const { data, token } = await (await drawn.response()).json()
    if ((await image.getAttribute('src')) === data) return { data, token }
    await app.page.waitForTimeout(50)
  }
}

/** Type an answer, and press the button. */
async function type(app, text) {
  await app.page.getByPlaceholder('输入字符').fill(text)
  await app.page.getByRole('button', { name: '确定' }).click()
}

const readAndType = async (app) => type(app, textOf((await picture(app)).token).toLowerCase())
const gone = (app) => app.page.locator('#captcha-image').waitFor({ state: 'detached' })
const captchaOf = (request) => new URL(request.url()).searchParams.get('captcha_token')

withEachVersion((method) => {
  method('signInWithPassword', 'shows a captcha to a stranger under attack, and signs in once it is read', async (app) => {
    const me = await newUser()
    await useUpHalf(me.email)
    const signedIn = app.call((p) => auth.signInWithPassword(p), { email: me.email, password: PASSWORD })
    const { naturalWidth, naturalHeight } = await app.page.locator('#captcha-image').evaluate(async (image) => {
      await image.decode()
      return { naturalWidth: image.naturalWidth, naturalHeight: image.naturalHeight }
    })
    assert.deepEqual([naturalWidth, naturalHeight], [160, 60])
    await readAndType(app)
    assert.equal((await signedIn).data.user.id, me.sub)
    assert.equal((await profile((await app.session()).access_token)).sub, me.sub)
    const [refused, repeated, ...rest] = app.sent(SIGN_IN)
    assert.equal(rest.length, 0)
    assert.equal(captchaOf(refused), null)
    assert.ok(captchaOf(repeated))
    assert.equal(refused.headers()['x-request-id'], repeated.headers()['x-request-id'])
    await gone(app)
  })

  method('signIn', 'a wrong answer to a captcha is told in its dialog, which shows another picture', async (app) => {
    const me = await newUser()
    await useUpHalf(me.email)
    const signedIn = app.call((p) => auth.signIn(p), { username: me.email, password: PASSWORD })
    const first = await picture(app)
    await type(app, '0000')
    await app.page.getByText('The characters were wrong').waitFor()
    await app.page.waitForFunction((data) => document.getElementById('captcha-image').src !== data, first.data)
    assert.equal(await app.page.locator('#captcha-image').count(), 1, 'one dialog')
    await readAndType(app)
    await signedIn
    assert.equal((await profile((await app.session()).access_token)).sub, me.sub)
    assert.deepEqual([app.sent(DRAW).length, app.sent(ANSWER).length, app.sent(SIGN_IN).length], [2, 2, 2])
  })

  method('signIn', 'each try takes a captcha of its own, and none is sent twice', async (app) => {
    const me = await newUser()
    await useUpHalf(me.email)
    for (const password of ['wrong-horse-1', 'wrong-horse-2', PASSWORD]) {
      const signedIn = app.call((p) => auth.signIn(p).catch((error) => error), { username: me.email, password })
      await readAndType(app)
      const outcome = await signedIn
      if (password !== PASSWORD) assert.equal(outcome.error, 'invalid_username_or_password')
    }
    assert.equal((await profile((await app.session()).access_token)).sub, me.sub)
    const sent = app.sent(SIGN_IN).map(captchaOf).filter(Boolean)
    assert.equal(new Set(sent).size, 3)
    assert.equal(sent.length, 3)
  })

  method('signIn', 'the dialog draws another picture when it is asked to', async (app) => {
    const me = await newUser()
    await useUpHalf(me.email)
    const signedIn = app.call((p) => auth.signIn(p), { username: me.email, password: PASSWORD })
    const { data } = await picture(app)
    await app.page.getByRole('button', { name: '刷新' }).click()
    await app.page.waitForFunction((data) => document.getElementById('captcha-image').src !== data, data)
    await readAndType(app)
    await signedIn
    assert.ok(await app.session())
  })

  method('getVerification', 'the fourth code of a stranger under attack takes a captcha', async (app) => {
    const email = newAddress()
    await useUpHalf(email)
    for (let count = 0; count < 3; count += 1) await app.call((email) => auth.getVerification({ email }), email)
    assert.equal(app.sent(DRAW).length, 0)
    const sent = app.call((email) => auth.getVerification({ email }), email)
    await readAndType(app)
    assert.ok((await sent).verification_id)
    await codeFor(email, { mails: 4 })
    assert.equal(app.sent(SEND).length, 5)
  })

  method('getVerification', 'withCaptcha shows a captcha before it asks', async (app) => {
    const email = newAddress()
    const sent = app.call((email) => auth.getVerification({ email }, { withCaptcha: true }), email)
    await readAndType(app)
    assert.ok((await sent).verification_id)
    assert.ok(captchaOf(app.sent(SEND)[0]))
  })

  method('authApi.sendVerificationCodeToCurrentUser', 'mails a code after a captcha', async (app) => {
    const me = await app.signedIn()
    const sent = app.call((email) => auth.oauthInstance.authApi.sendVerificationCodeToCurrentUser({ email }), me.email)
    await readAndType(app)
    assert.ok((await sent).verification_id)
  })
})
