/**
 * What the tests share: a browser, a page with the SDK, people who have an account, their mails,
 * and the API asked directly, to see what the SDK's calls did to the server.
 */

import { chromium } from 'playwright-core'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

/** Where the stack and the pages are: run.js sets them. */
export const { API, INBOX, PAGES, STRANGER } = process.env
export const VERSIONS = ['2.32.0', '3.7.0']
export const CLIENT = 'browser-test' // the SDK's env
export const PASSWORD = 'correct-horse-1'
export const OTHER_PASSWORD = 'battery-staple-2'

// As root Chromium needs --no-sandbox; the others keep it from asking its maker's servers.
const FLAGS = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
const ARGUMENTS = [...FLAGS, '--disable-component-update', '--disable-sync', '--no-sandbox']

let browser
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGUMENTS })
})
after(() => browser.close())

export const newContext = (options) => browser.newContext(options)

/**
 * Run the same tests with each version of the SDK. `add` gets the function
 * `method(name, promise, body)`: what is called, what it promises, and the test, which gets an App.
 */
export function withEachVersion(add) {
  for (const version of VERSIONS) {
    describe(version, () => {
      let context // one for all of them: so the SDK is compiled once
      before(async () => (context = await browser.newContext()))
      after(() => context.close())
      add((name, promise, body) =>
        test(`${name}: ${promise}`, async () => {
          const app = await App.open(context, version)
          try {
            await body(app)
          } finally {
            await app.forget()
          }
        }),
      )
    })
  }
}

/** A blank page of another origin than the API's, on which `auth` is the SDK. */
export class App {
  static async open(context, version, origin = PAGES) {
    const page = await context.newPage()
    const app = new App(page, context, version)
    page.on('request', (request) => {
      if (request.url().startsWith(API)) app.requests.push(request)
    })
    await page.goto(`${origin}/${version}.html?api=${API}&env=${CLIENT}`)
    return app
  }

  constructor(page, context, version) {
    Object.assign(this, { page, context, version, requests: [] })
  }

  /** Leave the browser as if it had never been used. */
  async forget() {
    await this.context.unrouteAll()
    await this.context.setOffline(false)
    await this.page.evaluate(() => localStorage.clear())
    for (const page of this.context.pages()) await page.close()
  }

  /** Another tab of the same browser. */
  tab() {
    return App.open(this.context, this.version)
  }

  /**
   * Call a function in the page. What it returns comes back as plain data, errors with all their
   * fields, and null for a login state, which holds the whole SDK. What it throws is thrown here.
   */
  async call(body, argument = null) {
    const outcome = await this.page.evaluate(`(async () => {
      const fields = (_, value) => value instanceof Error ? { ...value, name: value.name, message: value.message } : value
      const plain = (value) => value === undefined || value?.oauthInstance ? null : JSON.parse(JSON.stringify(value, fields))
      try { return { value: plain(await (${body})(${JSON.stringify(argument)})) } }
      catch (error) { return { thrown: plain(error) } }
    })()`)
    if (outcome.thrown) throw Object.assign(new Error('thrown in the page'), outcome.thrown)
    return outcome.value
  }

  /** Sign in on the page as somebody who has an account; returns what `newUser` does. */
  async signedIn(options = {}) {
    const user = await newUser(options)
    if (options.password === null) await this.call(signInByCode(await startCode(user.email)), user)
    else await this.call(({ email, password }) => auth.signIn({ username: email, password }), user)
    user.session = await this.session()
    return user
  }

  /** The tokens that the SDK holds; null if it holds none. */
  session() {
    return this.page.evaluate((key) => JSON.parse(localStorage.getItem(key)), `credentials_${CLIENT}`)
  }

  /** Let the access token be past its time, as the SDK sees it, and start the page anew. */
  async expire() {
    await this.page.evaluate((key) => {
      const kept = JSON.parse(localStorage.getItem(key))
      localStorage.setItem(key, JSON.stringify({ ...kept, expires_at: new Date(0) }))
    }, `credentials_${CLIENT}`)
    await this.page.reload()
  }

  /** Lose the answer to the next call of this path, once the server has done it. */
  async loseAnswer(path) {
    let lost = 0
    await this.context.route(`${API}${path}*`, async (route) => {
      if (lost++) return route.continue()
      const answer = await route.fetch()
      assert.equal(answer.status(), 200, 'the server has done it')
      return route.abort()
    })
  }

  /** The calls of a path so far. */
  sent(path) {
    return this.requests.filter((request) => new URL(request.url()).pathname === path && request.method() !== 'OPTIONS')
  }
}

const signInByCode = ({ id, code }) =>
  `({ email }) => auth.signInWithEmail({ email, verificationCode: '${code}', verificationInfo: { verification_id: '${id}', is_user: true } })`

// --- The server, asked directly --------------------------------------------------------------------

/** An address that nobody has used. */
export const newAddress = () => `user-${randomUUID()}@example.com`
export const newUsername = () => `u_${randomUUID().slice(0, 18)}`

/** Ask the API as a client without the SDK would: {status, body}. */
export async function ask(method, path, { body, token, device = 'direct' } = {}) {
  const answer = await fetch(`${API}/auth${path}`, {
    method,
    headers: { 'x-device-id': device, ...(token && { authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  })
  return { status: answer.status, body: await answer.json() }
}

async function ok(method, path, options) {
  const { status, body } = await ask(method, path, options)
  assert.equal(status, 200, `${method} ${path}: ${JSON.stringify(body)}`)
  return body
}

/** Make an account; `password: null` for one without. */
export async function newUser({ password = PASSWORD, username, name, address } = {}) {
  const email = address ?? newAddress()
  const { verification_token } = await proveAddress(email)
  const body = { email, verification_token, username, name, ...(password && { password }) }
  const { sub, access_token } = await ok('POST', `/v1/signup?client_id=${CLIENT}`, { body })
  return { email, password, username, name, sub, elsewhere: access_token }
}

/** Ask for a code, and read it from the mail. */
export async function startCode(email) {
  const before = (await mailsTo(email, CODE)).length
  const { verification_id } = await ok('POST', '/v1/verification', { body: { email } })
  return { id: verification_id, code: await codeFor(email, { mails: before + 1 }) }
}

export async function proveAddress(email) {
  const { id, code } = await startCode(email)
  return ok('POST', '/v1/verification/verify', { body: { verification_id: id, verification_code: code } })
}

/** The subjects of notices, in the two languages that the tests ask for. */
export const NOTICES = {
  address: /address .* was changed|邮箱已更换/,
  password: /password was changed|密码已修改/,
  deletion: /was deleted|已注销/,
}
const CODE = /\b\d{6}\b/ // in the subject of mails with a code, and of no others

/** The code of the newest mail to an address, once so many have come. */
export async function codeFor(email, options) {
  const { subject } = await mailTo(email, { ...options, subject: CODE })
  return subject.match(CODE)[0]
}

/** The newest mail to an address, once so many have come whose subject matches. */
export async function mailTo(email, { mails = 1, subject = /./, patience = 400 } = {}) {
  for (let left = patience; left; left--) {
    const found = await mailsTo(email, subject)
    if (found.length >= mails) return found[0]
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`no such mail to ${email}`)
}

async function mailsTo(email, subject) {
  const mails = await (await fetch(`${INBOX}/mails?to=${encodeURIComponent(email)}`)).json()
  return mails.filter((mail) => subject.test(mail.subject))
}

/** Whether a name and a password sign in. */
export async function opens(username, password) {
  const { status } = await ask('POST', `/v1/signin?client_id=${CLIENT}`, { body: { username, password } })
  return status === 200
}

/** The profile that an access token shows; null if its session has ended. */
export async function profile(token) {
  const { status, body } = await ask('GET', '/v1/user/me', { token })
  return status === 200 ? body : null
}
