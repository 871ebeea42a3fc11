/**
 * The steps of signing in, without a screen. The widget is one screen for them, and a mini-program
 * can have another.
 */

import { waitOf } from './errors.js'

export { findCode } from './code.js'
export { explain, reasonOf, waitOf } from './errors.js'
export { choose, duration, LANGUAGES, say } from './words.js'

const KEPT = 'latchkey-code'
const SPENT = ['code_unusable', 'too_many_guesses', 'proof_unusable'] // such a code is dead
const LOST = ['bounced', 'complained', 'suppressed', 'failed'] // there is no mail to wait for
const LOOK_AGAIN_SECONDS = [1, 2, 4, 8, 15, 30]

/** What each purpose does with a proven mailbox. `typed` is what was typed beside the code. */
const PURPOSES = {
  async signIn(auth, { email, verification_token }) {
    await auth.signIn({ username: email, verification_token })
    return 'signedIn'
  },
  async register(auth, { email, verification_token, verification_code, isUser, data }, { password }) {
    if (isUser) {
      await auth.signIn({ username: email, verification_token })
      return 'hadAccount'
    }
    await auth.signUp({ email, verification_code, verification_token, password, name: data.name || undefined })
    return 'welcome'
  },
  async forgot(auth, { email, verification_token }, { password }) {
    await auth.resetPassword({ email, new_password: password, verification_token })
    await auth.signIn({ username: email, password })
    return 'passwordSet'
  },
}

export class Steps {
  /**
   * `auth` is the SDK's. `storage` has the methods of sessionStorage: the code step is kept there,
   * without any password, until the code is dead. `purposes` are the app's own, as PURPOSES.
   */
  constructor({ auth, storage, purposes = {} }) {
    Object.assign(this, { auth, storage, purposes })
    this.pending = this.#restore()
  }

  async signIn({ username, password }) {
    await this.auth.signIn({ username, password })
  }

  signInByCode = ({ email }) => this.askCode({ purpose: 'signIn', email, target: 'USER' })
  register = ({ email, name }) => this.askCode({ purpose: 'register', email, data: { name } })
  forgot = ({ email }) => this.askCode({ purpose: 'forgot', email, target: 'USER', choosesPassword: true })

  /**
   * Mail a code for a purpose. `data` is given to the purpose with the proof, and is kept with it,
   * so it must hold no password.
   */
  async askCode({ purpose, email, target, data = {}, choosesPassword = false }) {
    const before = this.pending
    if (before?.purpose === purpose && before.email === email && Date.now() < Math.min(before.retryAt, before.expiresAt)) {
      // Another code would be refused, and the last one is good.
      Object.assign(before, { data, left: false })
      this.#keep()
      return before
    }
    const sent = await this.auth.getVerification({ email, ...(target && { target }) })
    const now = Date.now()
    this.pending = {
      ...{ purpose, email, target, data, id: sent.verification_id, isUser: sent.is_user, delivery: 'queued' },
      choosesPassword: choosesPassword || (purpose === 'register' && !sent.is_user),
      expiresAt: now + sent.expires_in * 1000,
      retryAt: now + (sent.retry_after ?? 0) * 1000,
    }
    this.#keep()
    return this.pending
  }

  /** Mail another code for the same purpose. */
  async resend() {
    try {
      await this.askCode(this.pending)
    } catch (error) {
      const wait = waitOf(error)
      if (wait) this.pending.retryAt = Date.now() + wait * 1000
      throw error
    }
  }

  /** Redeem the code, and do what it was asked for. Return what the purpose returns. */
  async redeem({ code, password }) {
    const asked = this.pending
    try {
      // Kept in memory, so that a refused password does not cost another code.
      asked.proof ??= await this.auth.verify({ verification_id: asked.id, verification_code: code })
      const proof = { ...asked, ...asked.proof, verification_code: code }
      const purpose = this.purposes[asked.purpose] ?? PURPOSES[asked.purpose]
      const result = await purpose(this.auth, proof, { password })
      if (this.pending === asked) this.leave()
      return result
    } catch (error) {
      if (SPENT.includes(error?.details?.[0]?.reason)) {
        asked.expiresAt = 0
        asked.proof = undefined
        this.storage?.removeItem(KEPT)
      }
      throw error
    }
  }

  /** Go back from the code step. Who asks for the same code again soon comes to it again. */
  back() {
    this.pending.left = true
    this.#keep()
  }

  /** Forget the code step. */
  leave() {
    this.pending = null
    this.storage?.removeItem(KEPT)
  }

  /** Follow the mail until it has arrived, is lost, or another step begins. `tell` gets each state. */
  async follow(tell) {
    const asked = this.pending
    for (const seconds of LOOK_AGAIN_SECONDS) {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
      if (this.pending !== asked) return
      const state = await this.#delivery(asked.id)
      if (this.pending !== asked || !state) continue
      asked.delivery = LOST.includes(state) ? 'lost' : state
      tell(asked.delivery)
      if (state === 'delivered' || asked.delivery === 'lost') return
    }
  }

  /** The SDK has no method for it, but its request function knows the address of the API. */
  async #delivery(id) {
    try {
      const { request } = this.auth.oauthInstance.authApi.config
      return (await request(`/v1/verification/${id}`, { method: 'GET' })).delivery
    } catch {
      return undefined // it is a comfort, not a step
    }
  }

  #keep() {
    const { proof, ...rest } = this.pending
    this.storage?.setItem(KEPT, JSON.stringify(rest))
  }

  #restore() {
    const kept = JSON.parse(this.storage?.getItem(KEPT) || 'null')
    if (kept && Date.now() < kept.expiresAt) return kept
    this.storage?.removeItem(KEPT)
    return null
  }
}
