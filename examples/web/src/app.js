/**
 * The page: the widget for everything before the sign-in, and the account after it.
 *
 * A form in index.html names its action with `data-action`. The actions are below. Each has the few
 * SDK calls that an app needs for it. Who asks for a code there enters it in the widget; what the
 * code is for is in `purposes`.
 */

import { attempt, reasonOf, showButton } from 'latchkey-sign-in'
import { connect, setLanguage } from './auth.js'
import { explain, language, LANGUAGES, ownText, speak, t, time } from './text.js'

const $ = (id) => document.getElementById(id)
const all = (selector) => document.querySelectorAll(selector)

const widget = document.querySelector('latchkey-sign-in')
let auth = connect(language)
let user = null // the signed-in user, as the SDK describes the user

/** Return the data, or throw the error: the SDK's newer methods resolve to `{data, error}`. */
function must({ data, error }) {
  if (error) throw error
  return data
}

// --- What each form does -------------------------------------------------------------------------

const actions = {
  async saveProfile({ name, username }) {
    try {
      await saveProfile({ name, username })
    } catch (error) {
      // Some minutes after the sign-in, another user name needs a confirmation.
      if (reasonOf(error) !== 'sudo_needed') throw error
      await confirmByCode('saveProfile', { name, username })
    }
  },

  async changeAddress({ email, password }) {
    if (!user.user_metadata.hasPassword) return confirmByCode('proveForAddress', { email })
    await askNewAddress(email, await auth.sudo({ password }))
  },

  async changePassword({ password, chosen }) {
    const { sudo_token } = await auth.sudo({ password })
    await auth.setPassword({ new_password: chosen, sudo_token })
    await openAccount(t('passwordChanged'))
  },

  async setPassword() {
    await confirmByCode('setPassword', {}, { choosesPassword: true })
  },

  async deleteAccount({ password }) {
    if (!user.user_metadata.hasPassword) return confirmByCode('deleteAccount')
    await deleteAccount(await auth.sudo({ password }))
  },

  async signOut() {
    await widget.signOut()
  },

  async signOutEverywhere() {
    await auth.oauthInstance.authApi.revokeAllDevices()
    await forget(t('signedOutEverywhere'))
  },
}

/** What the codes are for that the account asks for. `data` is what `confirmByCode` was given. */
widget.purposes = {
  async saveProfile(_, { verification_token, data }) {
    await auth.sudo({ verification_token })
    await saveProfile(data)
  },

  async setPassword(_, { verification_token }, { password }) {
    const { sudo_token } = await auth.sudo({ verification_token })
    await auth.setPassword({ new_password: password, sudo_token })
    await openAccount(t('passwordChanged'))
  },

  async deleteAccount(_, { verification_token }) {
    await deleteAccount(await auth.sudo({ verification_token }))
  },

  async proveForAddress(_, { verification_token, data }) {
    await askNewAddress(data.email, await auth.sudo({ verification_token }))
  },

  async changeAddress(_, { verification_token, email, data: { sudo_token } }) {
    await auth.bindEmail({ email, sudo_token, verification_token })
    await openAccount(t('addressChanged', { address: email }))
  },
}

/** Mail a code to the user's own address. The widget asks for it, also after a reload. */
const confirmByCode = (purpose, data, options) =>
  widget.enterCode({ purpose, data, email: user.email, target: 'CUR_USER', ...options })

/**
 * Mail a code to another address. The sudo token is kept with this step: in this tab only, until the
 * code is dead. It is worth nothing without the session, which the SDK keeps for longer.
 */
const askNewAddress = (email, { sudo_token }) =>
  widget.enterCode({ purpose: 'changeAddress', email, target: 'NOT_USER', data: { sudo_token } })

async function saveProfile({ name, username }) {
  // A blank user name is not sent: a user name can be changed, but not removed.
  await auth.currentUser.update({ name, ...(username && { username }) })
  await openAccount(t('saved'))
}

async function deleteAccount({ sudo_token }) {
  await auth.deleteMe({ sudo_token })
  await forget(t('deleted'))
}

/** Let the SDK drop a session that the server has ended already. */
async function forget(notice) {
  await auth.signOut({})
  widget.signedOut(notice)
}

// --- The account page ----------------------------------------------------------------------------

/** Show the account, as it is on the server. */
async function openAccount(notice) {
  must(await auth.refreshUser())
  showAccount(must(await auth.getUser(false)).user, notice)
}

function showAccount(signedIn, notice) {
  user = signedIn
  const { name, username, hasPassword } = user.user_metadata
  $('greeting').textContent = name ? t('greeting', { name }) : t('hello')
  $('address').textContent = [user.email, username].filter(Boolean).join('\n')
  $('initial').textContent = (name || user.email)[0].toUpperCase()
  empty()
  const profile = $('account').querySelector('[data-action=saveProfile]').elements
  profile.name.value = name ?? ''
  profile.username.value = username ?? ''
  for (const field of all('.own-address')) field.value = user.email
  for (const part of all('[data-with-password]')) setShown(part, hasPassword)
  for (const part of all('[data-without-password]')) setShown(part, !hasPassword)
  for (const part of $('account').querySelectorAll('details')) part.open = false
  tell(notice)
}

function setShown(part, shown) {
  part.hidden = !shown
  for (const field of part.querySelectorAll('input')) field.disabled = !shown
}

async function showHistory() {
  $('loading').hidden = false
  const [sessions, { data: signIns }, { data: changes }] = await Promise.all([
    livingSessions(),
    ...['LOGIN', 'MODIFY'].map((type) => auth.getUserBehaviorLog({ type, limit: 50 })),
  ])
  const devices = new Map() // the session of each device that was used last; the latest ones come first
  for (const session of sessions) {
    const known = devices.get(session.device_id)
    devices.set(session.device_id, { ...session, ...known, current: session.current || Boolean(known?.current) })
  }
  $('loading').hidden = true
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
  return t(`events.${meta.lane ? `${action}.${meta.lane}` : action}`, meta) ?? description ?? action
}

/** Return when and at which IP address something happened. Failures have no single address. */
const where = ({ created_at, ip }) => [time(created_at), ip].filter(Boolean).join(' · ')

function device({ device_id, user_agent, refreshed_at, current }) {
  const signOut = make('button', { type: 'button', className: 'quiet' }, t('signOutDevice'))
  signOut.onclick = () =>
    run($('security').querySelector('form'), async () => {
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

/** Empty all forms, so that the next reader finds no name and no password of the last one. */
function empty() {
  for (const form of all('form')) form.reset()
  for (const message of all('.message')) message.textContent = ''
}

// --- The widget, the account, and the address bar --------------------------------------------------

/** Show the widget's view or the account, and name it in the address bar and the title. */
function follow({ view, title }) {
  const open = view === 'signed-in'
  const came = open && $('account').hidden
  widget.hidden = open
  $('account').hidden = !open
  if (!open) tell('')
  document.title = `${open ? $('greeting').textContent : title} · Latchkey`
  if (!['loading', 'unreachable'].includes(view)) location.hash = open ? 'account' : view
  if (came) $('greeting').focus({ preventScroll: true })
}

addEventListener('hashchange', () => {
  const name = location.hash.slice(1)
  if (!user) widget.show(name)
  else if (name !== 'code' && widget.view === 'code') widget.back()
  else if (name !== 'account' && widget.view !== 'code') location.replace('#account')
})

widget.addEventListener('latchkey-signed-in', ({ detail }) => showAccount(detail.user, detail.notice))
widget.addEventListener('latchkey-view', ({ detail }) => follow(detail))
widget.addEventListener('latchkey-signed-out', () => {
  user = null
  empty()
})

function tell(notice) {
  $('notice').textContent = notice
}

/** Do the action of a form, and show in the form what went wrong. */
function run(form, action) {
  tell('')
  return attempt(form, action, { slow: t('slow'), failed })
}

function failed(error) {
  const text = explain(error)
  if (reasonOf(error) === 'unauthenticated') forget(text)
  return text
}

// --- Events --------------------------------------------------------------------------------------

for (const form of all('form')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    run(form, () => actions[form.dataset.action](Object.fromEntries(new FormData(form))))
  })
}

$('security').addEventListener('toggle', () => {
  if ($('security').open) run($('security').querySelector('form'), showHistory)
})

for (const [tag, name] of Object.entries(LANGUAGES)) $('language').append(new Option(name, tag))
for (const option of $('language').options) option.lang = option.value
$('language').value = language
$('language').addEventListener('change', async () => {
  translate($('language').value)
  setLanguage(language) // mails come in this language too
  if (user) showAccount(user, '')
  follow({ view: widget.view, title: widget.heading })
})

function translate(wanted) {
  speak(wanted)
  for (const button of all('.eye')) button.ariaLabel = t('showPassword')
  widget.language = language
  Object.assign($('password-3'), widget.passwordRule)
  $('hint-3').textContent = widget.passwordRule.title
}

addEventListener('offline', () => {
  $('offline').hidden = false
  $('offline').textContent = t('offline')
})
addEventListener('online', () => {
  $('offline').hidden = true
  if (widget.view === 'unreachable') widget.start()
})
// Another tab has signed out or in, but the SDK of this tab still has the old state.
addEventListener('storage', ({ key, newValue, oldValue }) => {
  if (!key?.startsWith('credentials_') || (newValue && oldValue)) return
  auth = connect(language)
  widget.auth = auth
})

for (const input of all('input[type=password]')) input.parentElement.append(showButton(t('showPassword')))
translate(language)
widget.texts = ownText
widget.view = location.hash.slice(1)
widget.auth = auth
