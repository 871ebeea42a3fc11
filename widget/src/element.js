/**
 * <latchkey-sign-in>: sign in by password or by code, register, and reset a password.
 *
 * It needs the SDK's `auth`: as its property, or made from its attributes `api` and `client-id`
 * with the SDK in its property `sdk` or in the global `cloudbase`.
 */

import { findCode } from './code.js'
import { explain, reasonOf } from './errors.js'
import { attempt, withinTime } from './form.js'
import { Steps } from './steps.js'
import STYLE, { DARK } from './style.js'
import { draw, passwordRule, refresh } from './views.js'
import { choose, speaker } from './words.js'

const NOTICES = ['hadAccount', 'welcome', 'passwordSet']
const FORMS = ['sign-in', 'sign-in-by-code', 'register', 'forgot']

export class LatchkeySignIn extends HTMLElement {
  static observedAttributes = ['api', 'client-id', 'language', 'view', 'password-policy']

  /** What the app does with a code that it asks for by `enterCode`: see steps.js. */
  purposes = {}
  /** The app's own text for the reason of an error, if it has one: `(reason, values) => text`. */
  texts = undefined
  sdk = undefined
  user = null
  #auth
  #app
  #steps
  #view = 'loading'
  #problem = ''
  #starts = 0
  #card = document.createElement('div')
  #notice = document.createElement('div')
  #body = document.createElement('div')

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    dress(root, STYLE + DARK)
    Object.assign(this.#card, { className: 'card', part: 'card' })
    Object.assign(this.#notice, { className: 'notice', part: 'notice', role: 'status' })
    const slot = (name) => Object.assign(document.createElement('slot'), { name })
    this.#card.append(slot('header'), this.#notice, this.#body, slot('footer'))
    root.append(this.#card)
    this.#body.addEventListener('submit', (event) => this.#submit(event))
    this.#body.addEventListener('paste', (event) => this.#paste(event))
    this.#body.addEventListener('input', ({ target }) => this.#typed(target))
  }

  connectedCallback() {
    // Frameworks may set properties before the element is defined.
    for (const name of ['auth', 'sdk', 'purposes', 'texts', 'language', 'view']) {
      if (!Object.hasOwn(this, name)) continue
      const value = this[name]
      delete this[name]
      this[name] = value
    }
    this.#timer = setInterval(() => this.#tick(), 1000)
    addEventListener('storage', this.#otherTab)
    this.#draw()
    this.start()
  }
  #timer

  disconnectedCallback() {
    clearInterval(this.#timer)
    removeEventListener('storage', this.#otherTab)
  }

  attributeChangedCallback(name, before, now) {
    if (!this.isConnected || before === now) return
    if (name === 'view' && this.#steps && !this.user) this.show(now)
    if (name === 'language') this.#app?.updateLang?.(this.language)
    if (name === 'language' || name === 'password-policy') this.#draw()
    if (name === 'api' || name === 'client-id') this.start()
  }

  get auth() {
    return this.#auth ?? (this.#auth = this.#make())
  }
  set auth(auth) {
    this.#auth = auth
    if (this.isConnected) this.start()
  }

  get language() {
    return choose([this.getAttribute('language'), ...navigator.languages].filter(Boolean))
  }
  set language(language) {
    this.setAttribute('language', language)
  }

  get view() {
    return this.#view
  }
  set view(view) {
    this.setAttribute('view', view)
  }

  /** The heading of the view, or undefined. */
  get heading() {
    return this.#body.querySelector('h1')?.textContent
  }

  /** The properties of an input for a new password: `title`, `minLength`, `maxLength`, `pattern`. */
  get passwordRule() {
    return passwordRule(this.getAttribute('password-policy'), this.#t)
  }

  /** The code that is asked for, or null. */
  get pending() {
    return this.#steps?.pending ?? null
  }

  /** Look who is signed in, and show the view for it. */
  async start() {
    if (!this.auth) return
    const turn = ++this.#starts
    this.#steps = new Steps({ auth: this.auth, storage: storage(), purposes: this.purposes })
    if (this.auth.hasLoginState()) this.#go('loading')
    try {
      const user = await withinTime(signedInUser(this.auth))
      if (turn !== this.#starts) return
      if (user) this.#enter(user, 'session')
      else this.#leave('')
    } catch (error) {
      if (turn !== this.#starts) return
      this.#problem = this.#tell(error)
      if (reasonOf(error) === 'unauthenticated') return this.#leave(this.#problem)
      this.#go('unreachable')
    }
  }

  /** Show one of the views, with a notice above it. */
  show(view, notice = '') {
    const wanted = FORMS.includes(view) || (view === 'code' && this.pending) ? view : 'sign-in'
    if (wanted === this.#view && !notice) return
    if (wanted !== 'code' && this.pending && !this.pending.left) this.#steps.back()
    this.#go(wanted, notice, true)
  }

  /** Mail a code, and ask for it. What follows is in `purposes`. */
  async enterCode(request) {
    await this.#steps.askCode(request)
    this.#go('code', '', true)
  }

  async signOut() {
    const { error } = await this.auth.signOut()
    if (error) throw error
    this.signedOut(this.#t('signedOut'))
  }

  /** Show the sign-in view, because the session has ended. */
  signedOut(notice = '') {
    this.user = null
    this.#steps.leave()
    this.#go('sign-in', notice, true)
    this.#fire('latchkey-signed-out')
  }

  get #t() {
    return speaker(this.language)
  }

  #fire(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }))
  }

  #tell(error) {
    const text = explain(error, this.language, this.texts)
    this.#fire('latchkey-error', { error, reason: reasonOf(error), text })
    return text
  }

  #make() {
    const [api, sdk] = [this.getAttribute('api'), this.sdk ?? globalThis.cloudbase]
    if (!api || !sdk) return undefined
    const { host, protocol } = new URL(api, location.href)
    this.#app = sdk.init({ env: this.getAttribute('client-id') ?? 'latchkey', endPointMode: 'CLOUD_API', lang: this.language })
    this.#app.registerEndPoint(`//${host}`, protocol)
    return this.#app.auth({ persistence: 'local' })
  }

  /** Another tab has signed in or out, but this SDK has the old state. An app that gives `auth` gives a new one. */
  #otherTab = ({ key, newValue, oldValue }) => {
    if (!this.#app || !key?.startsWith('credentials_') || (newValue && oldValue)) return
    this.auth = this.#make()
  }

  #enter(user, how) {
    this.user = user
    const notice = NOTICES.includes(how) ? this.#t(how) : ''
    this.#fire('latchkey-signed-in', { user, how, notice })
    // After a reload, the app's own code step goes on.
    this.#go(this.pending && !this.pending.left ? 'code' : 'signed-in', notice)
  }

  #leave(notice) {
    const was = this.user
    this.user = null
    if (was) this.#fire('latchkey-signed-out')
    const asked = this.pending && !this.pending.left && !(this.pending.purpose in this.purposes)
    const wanted = FORMS.includes(this.getAttribute('view')) ? this.getAttribute('view') : 'sign-in'
    this.#go(asked ? 'code' : wanted, notice)
  }

  #go(view, notice = '', moved = false) {
    this.#view = view
    this.#notice.textContent = notice
    this.#draw()
    if (moved) this.#body.querySelector(view === 'code' ? '[name=code]' : 'h1')?.focus()
    if (view === 'code') this.#steps.follow(() => this.#tick())
    this.#fire('latchkey-view', { view, title: this.heading })
  }

  #draw() {
    if (this.#view === 'code' && !this.pending) return // redeemed: the next view comes at once
    const typed = Object.fromEntries([...this.#body.querySelectorAll('input')].map(({ name, value }) => [name, value]))
    const same = this.#body.dataset.view === this.#view
    this.#body.dataset.view = this.#view
    this.#card.lang = this.language
    this.#body.replaceChildren(
      ...draw(this.#view, {
        t: this.#t,
        user: this.user,
        pending: this.pending,
        problem: this.#problem,
        passwordRule: this.passwordRule,
        show: (view) => this.show(view),
        resend: () => this.#resend(),
        back: () => this.back(),
      }),
    )
    if (same) for (const [name, value] of Object.entries(typed)) this.#input(name).value = value
    this.#tick()
  }

  #input(name) {
    return this.#body.querySelector(`[name=${name}]`)
  }

  #tick() {
    if (this.#view === 'code' && this.pending) refresh(this.#body, { t: this.#t, pending: this.pending, language: this.language })
  }

  /** Go back from the code step: to the app, or to the view that asked for the code. */
  back() {
    const { purpose } = this.pending
    if (this.user) {
      this.#steps.back()
      return this.#go('signed-in')
    }
    this.show({ register: 'register', forgot: 'forgot' }[purpose] ?? 'sign-in-by-code')
  }

  async #attempt(form, action) {
    this.#notice.textContent = ''
    await attempt(form, action, { slow: this.#t('slow'), failed: (error) => this.#failed(error) })
    this.#tick()
  }

  #failed(error) {
    const text = this.#tell(error)
    if (reasonOf(error) === 'unauthenticated' && this.user) this.signedOut(text)
    return text
  }

  #submit(event) {
    event.preventDefault()
    const typed = Object.fromEntries(new FormData(event.target))
    this.#attempt(event.target, () => this.#actions[this.#view](typed))
  }

  #actions = {
    unreachable: () => this.start(),
    'signed-in': () => this.signOut(),
    'sign-in': async (typed) => {
      await this.#steps.signIn(typed)
      await this.#signedIn('password')
    },
    'sign-in-by-code': (typed) => this.#ask(this.#steps.signInByCode(typed)),
    register: (typed) => this.#ask(this.#steps.register(typed)),
    forgot: (typed) => this.#ask(this.#steps.forgot(typed)),
    code: async ({ code, password }) => {
      const own = this.pending.purpose in this.purposes
      const how = await this.#steps.redeem({ code: findCode(code), password })
      if (!own) await this.#signedIn(how)
      else if (!this.pending && this.user) this.#go('signed-in')
    },
  }

  async #ask(asking) {
    await asking
    this.#go('code', '', true)
  }

  async #signedIn(how) {
    this.#enter(await signedInUser(this.auth), how)
  }

  #resend() {
    const button = this.#body.querySelector('[part~=resend]')
    if (button.ariaDisabled === 'true') return
    this.#attempt(button.form, async () => {
      await this.#steps.resend()
      this.#go('code', this.#t('resent'))
      this.#body.querySelector('[part~=resend]').focus()
    })
  }

  #paste(event) {
    const found = event.target.name === 'code' && findCode(event.clipboardData.getData('text'))
    if (!found) return
    event.preventDefault()
    event.target.value = found
    this.#typed(event.target)
  }

  /** A code that is no code is told by the browser, as any field that is not filled in right. */
  #typed(input) {
    if (input.name !== 'code') return
    input.setCustomValidity(!input.value || findCode(input.value) ? '' : this.#t('codeRule'))
  }
}

/** Return the user as the server knows the user, or null if nobody is signed in. */
async function signedInUser(auth) {
  const must = ({ data, error }) => {
    if (error) throw error
    return data
  }
  const expected = auth.hasLoginState()
  const { data, error } = await auth.getSession() // refreshes an expired access token
  if (error && reasonOf(error) !== 'unauthenticated') throw error
  if (!data.session) {
    if (expected) throw { error: 'unauthenticated' }
    return null
  }
  must(await auth.refreshUser())
  return must(await auth.getUser(false)).user
}

/** Return the sessionStorage, unless the browser refuses it. */
function storage() {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}

/** Style a root. A content security policy without 'unsafe-inline' lets a constructed sheet pass. */
function dress(root, text) {
  if (!('adoptedStyleSheets' in root)) return root.append(Object.assign(document.createElement('style'), { textContent: text }))
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(text)
  root.adoptedStyleSheets = [sheet]
}
