/**
 * The page: which section it shows, what each form does, and which messages the reader gets.
 *
 * A form in index.html names its action with `data-action`. The actions are in the middle of this
 * file. Each has the few SDK calls that an app needs for it.
 */

import { connect } from './auth.js'
import { explain, language, speak, t, time } from './text.js'

const RESEND_SECONDS = 60 // the same as Latchkey's CodeCooldownSeconds
const SLOW_SECONDS = 4
const LONGEST_SECONDS = 35 // the gateway gives up after 30
const LOST = ['bounced', 'complained', 'suppressed', 'failed'] // there is no mail to wait for

const $ = (id) => document.getElementById(id)
const all = (selector) => document.querySelectorAll(selector)

speak()
let auth = connect(language)
let user = null // the signed-in user, as the SDK describes the user
let pending = null // the code that the reader has to enter: see `askCode`

/** Return the data, or throw the error: the SDK's newer methods resolve to `{data, error}`. */
function must({ data, error }) {
  if (error) throw error
  return data
}

// --- What each form does -------------------------------------------------------------------------

const actions = {
  async signIn({ username, password }) {
    must(await auth.signInWithPassword({ username, password }))
    await openAccount()
  },

  async signInByCode({ email }) {
    await askCode({ email, target: 'USER' }, ({ verification_token }) =>
      auth.signIn({ username: email, verification_token }),
    )
  },

  async register({ email, password, name }) {
    await askCode(
      { email },
      async ({ verification_token, verification_code, is_user }) => {
        if (is_user) await auth.signIn({ username: email, verification_token })
        else await auth.signUp({ email, verification_code, verification_token, password, name: name || undefined })
        return is_user
      },
      { done: (hadAccount) => openAccount(t(hadAccount ? 'hadAccount' : 'welcome')) },
    )
  },

  async forgot({ email }) {
    await askCode(
      { email, target: 'USER' },
      async ({ verification_token }, password) => {
        await auth.resetPassword({ email, new_password: password, verification_token })
        must(await auth.signInWithPassword({ email, password }))
      },
      { choosesPassword: true, done: () => openAccount(t('passwordSet')) },
    )
  },

  async code({ code, password }) {
    await pending.done(await pending.redeem(code.replaceAll(' ', ''), password))
  },

  async saveProfile({ name, username }) {
    const save = async () => {
      // A blank user name is not sent: a user name can be changed, but not removed.
      await auth.currentUser.update({ name, ...(username && { username }) })
      await openAccount(t('saved'))
    }
    try {
      await save()
    } catch (error) {
      // Some minutes after the sign-in, another user name needs a confirmation.
      if (!/sudo/i.test(error.error_description)) throw error
      await confirmByCode(save)
    }
  },

  async changeAddress({ email, password }) {
    await sudo(password, (sudo_token) =>
      askCode(
        { email, target: 'NOT_USER' },
        ({ verification_token }) => auth.bindEmail({ email, sudo_token, verification_token }),
        { done: () => openAccount(t('addressChanged', { address: email })) },
      ),
    )
  },

  async changePassword({ password, chosen }) {
    must(await auth.resetPasswordForOld({ old_password: password, new_password: chosen }))
    await openAccount(t('passwordChanged'))
  },

  async setPassword() {
    await askCode(
      { email: user.email, target: 'CUR_USER' },
      async ({ verification_token }, password) => {
        const { sudo_token } = await auth.sudo({ verification_token })
        await auth.setPassword({ new_password: password, sudo_token })
      },
      { choosesPassword: true, done: () => openAccount(t('passwordChanged')) },
    )
  },

  async deleteAccount({ password }) {
    await sudo(password, async (sudo_token) => {
      await auth.deleteMe({ sudo_token })
      await forget(t('deleted'))
    })
  },

  async signOut() {
    must(await auth.signOut())
    showSignIn(t('signedOut'))
  },

  async signOutEverywhere() {
    await auth.oauthInstance.authApi.revokeAllDevices()
    await forget(t('signedOutEverywhere'))
  },
}

/** Ask for the password or a mailed code, and call `next` with the sudo token. */
async function sudo(password, next) {
  if (user.user_metadata.hasPassword) {
    const { sudo_token } = await auth.sudo({ password })
    return next(sudo_token)
  }
  return confirmByCode(next)
}

async function confirmByCode(next) {
  return askCode(
    { email: user.email, target: 'CUR_USER' },
    ({ verification_token }) => auth.sudo({ verification_token }),
    { done: ({ sudo_token }) => next(sudo_token) },
  )
}

/**
 * Mail a code and ask the reader for it.
 *
 * `use` is called with the proof that the code gives, and with the password if the reader chooses
 * one in the same form. `done` is called with the result of `use`. The proof is kept, so that a
 * refused password does not cost another code.
 */
async function askCode(params, use, { choosesPassword = false, done = () => openAccount() } = {}) {
  const asked = { done, from: location.hash }
  asked.send = async () => {
    const { verification_id, is_user, expires_in } = await auth.getVerification(params)
    asked.minutes = Math.floor(expires_in / 60)
    let proof
    asked.id = verification_id
    asked.redeem = async (verification_code, password) => {
      proof ??= await auth.verify({ verification_id, verification_code })
      return use({ ...proof, verification_code, is_user }, password)
    }
    watchDelivery(verification_id)
  }
  await asked.send()
  pending = asked
  $('code-address').textContent = params.email
  $('code-help').textContent = t('codeHelp', asked)
  $('code-password').hidden = !choosesPassword
  $('code-password').querySelector('input').disabled = !choosesPassword
  $('code-back').href = user ? '#account' : pending.from || '#sign-in'
  $('code').querySelector('form').reset()
  location.hash = '#code'
  show('code')
  $('code').querySelector('[name=code]').focus()
  countDown(RESEND_SECONDS)
}

/** Tell the reader if the mail cannot arrive, so that nobody waits for it. */
async function watchDelivery(id) {
  for (const seconds of [1, 2, 4, 8, 15, 30]) {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    if (pending?.id !== id) return
    const answer = await fetch(`${API_URL}/auth/v1/verification/${id}`).catch(() => undefined)
    const { delivery } = (await answer?.json()) ?? {}
    if (pending?.id === id && LOST.includes(delivery)) return tell(t('undelivered'))
  }
}

// --- The account page ----------------------------------------------------------------------------

/** Read the user again and show the account, or the sign-in page if the session has ended. */
async function openAccount(notice) {
  const expected = auth.hasLoginState()
  const { data, error } = await withinTime(auth.getSession()) // refreshes an expired access token
  if (error && error.code !== 'unauthenticated') throw error
  if (!data.session) return showSignIn(expected && t('errors.unauthenticated'))
  must(await withinTime(auth.refreshUser()))
  user = must(await auth.getUser(false)).user

  const { name, username, hasPassword } = user.user_metadata
  $('greeting').textContent = name ? t('greeting', { name }) : t('hello')
  $('address').textContent = username ? `${user.email} · ${username}` : user.email
  $('initial').textContent = (name || user.email)[0].toUpperCase()
  empty()
  const profile = $('account').querySelector('[data-action=saveProfile]').elements
  profile.name.value = name ?? ''
  profile.username.value = username ?? ''
  for (const field of all('.own-address')) field.value = user.email
  for (const part of all('[data-with-password]')) setShown(part, hasPassword)
  for (const part of all('[data-without-password]')) setShown(part, !hasPassword)
  for (const part of $('account').querySelectorAll('details')) part.open = false

  const moved = location.hash !== '#account'
  location.hash = '#account'
  show('account', notice)
  if (moved) $('greeting').focus()
}

function setShown(part, shown) {
  part.hidden = !shown
  for (const field of part.querySelectorAll('input')) field.disabled = !shown
}

async function showHistory() {
  const [sessions, { data: signIns }, { data: changes }] = await Promise.all([
    livingSessions(),
    ...['LOGIN', 'MODIFY'].map((type) => auth.getUserBehaviorLog({ type, limit: 50 })),
  ])
  const devices = new Map() // the session of each device that was used last; the latest ones come first
  for (const session of sessions) {
    const known = devices.get(session.device_id)
    devices.set(session.device_id, { ...session, ...known, current: session.current || Boolean(known?.current) })
  }
  $('devices').replaceChildren(...[...devices.values()].map(device))

  const events = [...signIns, ...changes].sort((a, b) => b.created_at.localeCompare(a.created_at))
  $('history').replaceChildren(
    ...events.slice(0, 20).map((entry) =>
      make('li', {}, make('span', {}, happened(entry)), make('small', {}, where(entry))),
    ),
  )
}

/** Return where the user is signed in. The SDK has no method for it, because CloudBase does not tell. */
async function livingSessions() {
  const { session } = must(await auth.getSession())
  const headers = { authorization: `Bearer ${session.access_token}` }
  const answer = await fetch(`${API_URL}/auth/v1/user/sessions`, { headers })
  const body = await answer.json()
  if (!answer.ok) throw body
  return body.data
}

/** Return what happened, in the reader's language. Failures are counted for each kind of lane. */
function happened({ action, meta, description }) {
  return t(meta.lane ? `${action}.${meta.lane}` : action, meta) ?? description ?? action
}

/** Return when and at which IP address something happened. Failures have no single address. */
const where = ({ created_at, ip }) => [time(created_at), ip].filter(Boolean).join(' · ')

function device({ device_id, user_agent, refreshed_at, current }) {
  const signOut = make('button', { type: 'button', className: 'quiet' }, t('signOutDevice'))
  signOut.onclick = () =>
    attempt($('security').querySelector('form'), async () => {
      await auth.oauthInstance.authApi.revokeDevice({ device_id })
      await showHistory()
      tell(t('deviceSignedOut'))
      $('security').querySelector('summary').focus() // the button is gone
    })
  const mark = current ? t('thisDevice') : t('lastUsed', { time: time(refreshed_at) })
  const words = make('span', {}, browser(user_agent), make('small', {}, mark))
  return make('li', {}, words, ...(current || !device_id ? [] : [signOut]))
}

/** Return the names of browser and system, if the user agent has them. */
function browser(agent) {
  const find = (pattern) => agent.match(pattern)?.[0]
  const name = find(/Edg(?=\/)|MicroMessenger|Firefox|Chrome|Safari/)?.replace('Edg', 'Edge')
  const system = find(/iPhone|iPad|Android|Windows|Mac OS|Linux/)
  return [name, system].filter(Boolean).join(', ') || t('unknownDevice')
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties)
  element.append(...children)
  return element
}

/** Let the SDK drop a session that the server has ended already. */
async function forget(notice) {
  await auth.signOut({})
  showSignIn(notice)
}

function showSignIn(notice) {
  user = null
  pending = null
  empty()
  location.hash = '#sign-in'
  show('sign-in', notice || undefined)
}

/** Empty all forms, so that the next reader finds no name and no password of the last one. */
function empty() {
  for (const form of all('form')) form.reset()
}

// --- Sections, messages, waiting -----------------------------------------------------------------

/** Show one section, with `notice` above it. */
function show(name, notice = '') {
  for (const section of all('main > section')) section.hidden = section.id !== name
  for (const message of all('.message')) message.textContent = ''
  $('offline').hidden = true
  tell(notice)
  entitle()
}

/** Name the tab after the section that is shown. */
function entitle() {
  const heading = document.querySelector('main > section:not([hidden]) h1')
  document.title = heading ? `${heading.textContent} · Latchkey` : 'Latchkey'
}

function tell(notice) {
  $('notice').textContent = notice
  $('notice').hidden = !notice
}

/** Show the section that the address bar names. */
function route() {
  const name = location.hash.slice(1) || 'account'
  const needsUser = name === 'account' || (name === 'code' && !pending)
  if (needsUser) return start()
  if (!$(name)?.matches('main > section')) return showSignIn()
  if ($(name).hidden) {
    show(name)
    $(name).querySelector('h1').focus()
  }
}

/** Open the account. Say so if the service cannot be reached. */
async function start() {
  try {
    await openAccount()
  } catch (error) {
    if (isSessionEnd(error)) return showSignIn(t('errors.unauthenticated'))
    $('offline').hidden = false
    $('offline').firstElementChild.textContent = explain(error)
  }
}

/** Do the action of a form, one at a time, and show in the form what went wrong. */
async function attempt(form, action) {
  if (form.ariaBusy === 'true') return
  const message = form.querySelector('.message')
  const slow = setTimeout(() => (message.textContent = t('slow')), SLOW_SECONDS * 1000)
  message.textContent = ''
  tell('')
  form.ariaBusy = 'true'
  // Not `disabled`: that would take the focus away.
  const buttons = [...form.querySelectorAll('button')].filter((button) => button.ariaDisabled !== 'true')
  for (const button of buttons) button.ariaDisabled = 'true'
  try {
    await withinTime(action())
  } catch (error) {
    if (isSessionEnd(error) && user) return showSignIn(t('errors.unauthenticated'))
    message.textContent = explain(error)
    const wait = error.retryAfter ?? error.retry_after
    if (wait && form.contains($('resend'))) countDown(wait)
  } finally {
    clearTimeout(slow)
    if (message.textContent === t('slow')) message.textContent = ''
    form.ariaBusy = 'false'
    for (const button of buttons) button.ariaDisabled = 'false'
    $('resend').ariaDisabled = String(counting !== undefined)
  }
}

/** Reject if a promise takes too long: the SDK waits for an answer without a limit. */
async function withinTime(promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject({ error: 'unreachable' }), LONGEST_SECONDS * 1000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const isSessionEnd = (error) => (error.code ?? error.error) === 'unauthenticated'

let counting
function countDown(seconds) {
  clearInterval(counting)
  const end = Date.now() + seconds * 1000
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000)
    if (left <= 0) counting = clearInterval(counting)
    $('resend').ariaDisabled = String(left > 0)
    $('resend').textContent = left > 0 ? t('resendIn', { seconds: left }) : t('resend')
  }
  counting = setInterval(tick, 1000)
  tick()
}

// --- Events --------------------------------------------------------------------------------------

for (const form of all('form')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(form, () => actions[form.dataset.action](Object.fromEntries(new FormData(form))))
  })
}

$('resend').addEventListener('click', () => {
  if ($('resend').ariaDisabled === 'true') return
  attempt($('code').querySelector('form'), async () => {
    await pending.send()
    countDown(RESEND_SECONDS)
    tell(t('resent'))
  })
})

$('security').addEventListener('toggle', () => {
  if ($('security').open) attempt($('security').querySelector('form'), showHistory)
})

$('language').value = language
$('language').addEventListener('change', () => {
  speak($('language').value)
  entitle()
  auth = connect(language) // mails come in this language too
  if (user) start()
  if (pending) {
    countDown(0)
    $('code-help').textContent = t('codeHelp', pending)
  }
})

$('retry').addEventListener('click', route)
addEventListener('hashchange', () => {
  if (location.hash !== '#code') pending = null
  if (location.hash !== '#account' || $('account').hidden) route()
})
addEventListener('offline', () => {
  $('offline').hidden = false
  $('offline').firstElementChild.textContent = t('offline')
})
addEventListener('online', () => {
  $('offline').hidden = true
  if (!pending) route()
})
// Another tab has signed out or in, but the SDK of this tab still has the old state.
addEventListener('storage', ({ key, newValue, oldValue }) => {
  if (!key?.startsWith('credentials_') || (newValue && oldValue)) return
  auth = connect(language)
  start()
})

route()
