// The page of the desk. What users have chosen (names, groups, programs) is data of strangers: it becomes text, never HTML.
import { button, call, growing, list, made, post, shown, tell, time } from './parts.js'
import { choose, text } from './text.js'

const PAGE = 20
const SURE = ['users.delete', 'users.require-reset'] // what cannot be undone is asked for
const view = document.getElementById('view')
const status = document.getElementById('status')
const sure = document.getElementById('sure')
const language = document.getElementById('language')
let turn = 0 // the newest view: an older answer that comes late is dropped

/** Do something to a user or an address, say that it is done, and show the view again. */
function act(name, request, { whom = '', after = show, ...properties } = {}) {
  return button(name, async () => {
    if (SURE.includes(name) && !(await isSure(name, whom))) return
    await call(name, typeof request === 'function' ? request() : request)
    await after()
    status.textContent = text(`done ${name}`)
  }, { className: SURE.includes(name) ? 'danger' : '', ...properties })
}

function isSure(name, whom) {
  document.getElementById('question').textContent = text(`ask ${name}`, whom)
  document.getElementById('consequence').textContent = text(`then ${name}`)
  document.getElementById('yes').textContent = text(name)
  sure.returnValue = ''
  sure.showModal()
  return new Promise((resolve) => {
    sure.addEventListener('close', () => resolve(sure.returnValue === 'yes'), { once: true })
  })
}

// --- The views --------------------------------------------------------------------------------------

const title = (said) => made('h2', { tabIndex: -1 }, said)
const again = () => button('refresh', () => show())

async function users() {
  const prefix = made('input', { type: 'search', autocomplete: 'off', spellcheck: false })
  const by = made('select', {}, ...['address', 'username'].map((name) => made('option', { value: name }, text(name))))
  const columns = {
    address: (user) => made('a', { href: `#user=${encodeURIComponent(user.sub)}` }, user.email),
    username: (user) => shown(user.username),
    status: (user) => user.status,
    groups: (user) => shown(user.groups),
    created: (user) => time(user.created_at),
    seen: (user) => time(user.last_sign_in_at),
  }
  const found = made('div')
  let newest = 0
  const look = async () => {
    const mine = ++newest
    const typed = prefix.value.trim()
    const order = typed ? { order: by.value, prefix: typed } : { order: 'created', newest_first: true }
    const rows = await growing(text('users'), columns, async (cursor) => {
      const page = await call('users.list', { ...order, limit: PAGE, cursor })
      return { rows: page.users, cursor: page.cursor }
    })
    if (mine === newest) found.replaceChildren(...rows)
  }
  const form = made(
    'form', { role: 'search' },
    made('label', {}, text('prefix'), prefix), made('label', {}, text('by'), by),
    made('button', {}, text('search')), again(),
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    look().catch(tell)
  })
  await look()
  return [title(text('users')), form, found]
}

async function user(sub) {
  const [{ user: one, ...all }, past] = await Promise.all([call('users.show', { user: sub }), history(sub)])
  const { inbox, mails } = await post('/mails', { to: one.email })
  const facts = {
    id: one.sub, username: shown(one.username), name: shown(one.name), status: one.status,
    verified: shown(one.email_verified), password: shown(one.has_password), groups: shown(one.groups),
    created: time(one.created_at), seen: time(one.last_sign_in_at), signIns: shown(one.sign_ins),
    suppressed: all.suppressed ?? text('no'),
  }
  const whom = { whom: one.email }
  const groups = made('input', { value: shown(one.groups), autocomplete: 'off', spellcheck: false })
  const section = (name, columns, rows) => [made('h3', {}, text(name)), list(text(name), columns, rows)]
  return [
    title(one.email),
    made('dl', {}, ...Object.entries(facts).filter(([, value]) => value)
      .flatMap(([name, value]) => [made('dt', {}, text(name)), made('dd', {}, value)])),
    made(
      'div', { className: 'buttons', role: 'group', 'aria-label': text('actions') },
      act(one.status === 'disabled' ? 'users.enable' : 'users.disable', { user: sub }),
      act('users.sign-out', { user: sub }),
      act('users.unlock', { user: sub }),
      ...(all.suppressed ? [act('suppressions.lift', { email: one.email })] : []),
      act('users.require-reset', { user: sub }, whom),
      act('users.delete', { user: sub }, { ...whom, after: () => go('#users') }),
      again(),
    ),
    made(
      'div', { className: 'buttons' }, made('label', {}, text('groupsHint'), groups),
      act('users.set-groups', () => ({ user: sub, groups: groups.value.split(/\s+/).filter(Boolean) })),
    ),
    ...section('sessions', {
      client: (row) => row.client_id, source: (row) => row.ip, program: (row) => row.user_agent,
      since: (row) => time(row.created_at), used: (row) => time(row.refreshed_at),
      action: (row) => act('sessions.end', { user: sub, sid: row.sid }, { 'aria-description': `${row.client_id} ${row.ip}` }),
    }, all.sessions),
    ...section('devices', {
      device: (row) => row.device, since: (row) => time(row.known_since), seen: (row) => time(row.signed_in_at),
    }, all.devices),
    ...section('failures', {
      source: (row) => row.lane, count_: (row) => shown(row.count), since: (row) => time(row.since), spent: (row) => shown(row.spent),
    }, all.failures),
    ...section('codes', {
      status: (row) => row.state, mail: (row) => shown(row.delivery), guesses: (row) => shown(row.wrong_guesses),
      since: (row) => time(row.created_at), until: (row) => time(row.expires_at),
    }, all.codes),
    ...section('mails', { when: (row) => time(row.received_at * 1000), subject: (row) => row.subject }, mails),
    made('a', { href: inbox, target: '_blank', rel: 'noreferrer' }, text('openInbox')),
    made('h3', {}, text('history')),
    ...past,
  ]
}

const history = (sub) => growing(text('history'), {
  when: (row) => time(row.created_at), what: (row) => row.action, source: (row) => row.ip, client: (row) => row.client_id,
  details: (row) => row.description ?? Object.entries(row.meta).map((pair) => pair.join(': ')).join(', '),
}, async (cursor) => {
  const page = await call('users.history', { user: sub, limit: PAGE, cursor })
  return { rows: page.data, cursor: page.page_token ?? '' }
})

async function suppressions() {
  const rows = await call('suppressions.list')
  return [
    title(text('suppressions')),
    made('p', { className: 'buttons' }, again()),
    list(text('suppressions'), {
      address: (row) => row.address, reason: (row) => row.reason, since: (row) => time(row.since), until: (row) => time(row.until),
      action: (row) => act('suppressions.lift', { email: row.address }, { 'aria-description': row.address }),
    }, rows),
  ]
}

// --- Which view is shown ----------------------------------------------------------------------------

const VIEWS = { users, user, suppressions }

/** Show the view that the address names, and move the focus to its title. */
async function show() {
  const mine = ++turn
  const [name, value = ''] = location.hash.slice(1).split('=')
  const wanted = VIEWS[name] ? name : 'users'
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${wanted}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  status.textContent = text('loading')
  let content
  try {
    content = await VIEWS[wanted](decodeURIComponent(value))
  } catch (error) {
    if (mine === turn) view.replaceChildren()
    return mine === turn && tell(error)
  }
  if (mine !== turn) return
  view.replaceChildren(...content)
  status.textContent = ''
  document.title = `${view.querySelector('h2').textContent} – ${text('desk')}`
  view.querySelector('h2').focus()
}

/** Go to a view without a new entry in the browser's history. */
function go(hash) {
  window.history.replaceState(null, '', hash)
  return show()
}

function speak(chosen) {
  choose(chosen)
  sessionStorage.setItem('language', chosen)
  language.value = chosen
  document.documentElement.lang = chosen === 'zh' ? 'zh-CN' : 'en'
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = text(element.dataset.text)
  for (const element of document.querySelectorAll('[data-label]')) {
    if (!view.contains(element)) element.setAttribute('aria-label', text(element.dataset.label))
  }
}

/** Keep the token of the printed address for this tab, and take it out of the address. */
function keepToken() {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1]
  if (!token) return
  sessionStorage.setItem('token', token)
  window.history.replaceState(null, '', '#users')
}

keepToken()
speak(sessionStorage.getItem('language') ?? (navigator.language.startsWith('zh') ? 'zh' : 'en'))
language.addEventListener('change', () => {
  speak(language.value)
  show().then(() => language.focus())
})
addEventListener('hashchange', () => {
  keepToken()
  show()
})
show()
