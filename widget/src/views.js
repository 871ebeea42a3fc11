/** What each view shows. A view is a heading, a form with its action, and links to other views. */

import { eye, h } from './dom.js'
import { duration } from './words.js'

const POLICIES = {
  cloudbase: { rule: 'rule', minLength: 8, maxLength: 32, pattern: '(?=.*\\p{L})(?=.*\\p{Nd}).*' },
  asvs: { rule: 'longRule', minLength: 15, maxLength: 64 },
}

/** Return the elements of a view. `w` has what a view needs of the widget: see element.js. */
export function draw(view, w) {
  const { t } = w
  const { heading, lead, form, links } = VIEWS[view](w)
  return [
    heading && h('h1', { part: 'heading', tabIndex: -1 }, t(heading)),
    ...(lead ?? []),
    form && h('form', { part: 'form' }, ...form),
    links && h('nav', { part: 'links' }, ...links.map(([word, go]) => link(w, word, go))),
  ].filter(Boolean)
}

const VIEWS = {
  loading: ({ t }) => ({
    heading: 'loading',
    lead: [h('div', { className: 'loading', part: 'skeleton', role: 'status', 'aria-label': t('loading') }, ...[0, 1, 2, 3].map(() => h('i')))],
  }),

  unreachable: ({ t, problem }) => ({
    heading: 'signIn',
    lead: [h('p', { role: 'alert' }, problem)],
    form: [message(), submit(t('retry'))],
  }),

  'sign-in': (w) => ({
    heading: 'signIn',
    form: [
      field(w, { name: 'username', label: 'addressOrName', autocomplete: 'username', autocapitalize: 'none', spellcheck: false, maxLength: 254 }),
      password(w, { label: 'password', autocomplete: 'current-password', maxLength: 128 }),
      message(),
      submit(w.t('signIn')),
    ],
    links: [['signInByCode', 'sign-in-by-code'], ['forgot', 'forgot'], ['registerLink', 'register']],
  }),

  'sign-in-by-code': (w) => ({
    heading: 'signInByCode',
    form: [address(w), message(), submit(w.t('mailCode'))],
    links: [['signInByPassword', 'sign-in'], ['registerLink', 'register']],
  }),

  register: (w) => ({
    heading: 'register',
    form: [
      address(w, w.t('registerHelp')),
      field(w, { name: 'name', label: 'name', optional: true, autocomplete: 'name', maxLength: 64 }),
      h('slot', { name: 'terms' }),
      message(),
      submit(w.t('mailCode')),
    ],
    links: [['signInLink', 'sign-in']],
  }),

  forgot: (w) => ({
    heading: 'forgot',
    lead: [h('p', {}, w.t('forgotHelp'))],
    form: [address(w), message(), submit(w.t('mailCode'))],
    links: [['signInLink', 'sign-in']],
  }),

  code: (w) => ({
    heading: 'enterCode',
    lead: [
      h('p', {}, w.t('codeSentTo', { address: w.pending.email })),
      h('p', { className: 'state', role: 'status', part: 'delivery' }),
    ],
    form: [
      // For password managers: the new password is this user's.
      h('input', { name: 'username', autocomplete: 'username', value: w.pending.email, readOnly: true, hidden: true }),
      // Not type=number, and no maxlength: a whole mail can be pasted.
      field(w, { name: 'code', label: 'code', autocomplete: 'one-time-code', inputMode: 'numeric', title: w.t('codeRule'), hint: ' ', part: 'input code' }),
      w.pending.choosesPassword && newPassword(w),
      message(),
      submit(w.t('continue')),
      h('button', { type: 'button', className: 'quiet', part: 'button resend', onclick: w.resend }),
      h('small', {}, w.t('spam')),
    ],
    links: [['back', w.back]],
  }),

  'signed-in': (w) => ({
    lead: [
      h('slot', { name: 'signed-in' },
        h('p', {}, w.t('signedInAs', { address: w.user?.email ?? '' })),
        h('form', {}, message(), submit(w.t('signOut'), 'quiet'))),
    ],
  }),
}

/** Bring what changes by itself up to date: the state of the mail, the validity, the count-down. */
export function refresh(root, { t, pending, language }) {
  const left = (until) => Math.max(0, Math.ceil((until - Date.now()) / 1000))
  const set = (element, text) => element.textContent !== text && (element.textContent = text)
  const state = root.querySelector('.state')
  state.dataset.state = pending.delivery
  set(state, t(pending.delivery) ?? t('sent'))
  const validity = root.querySelector('#code-hint')
  set(validity, left(pending.expiresAt) ? t('valid', { time: duration(left(pending.expiresAt), language) }) : t('errors.code_unusable'))
  const resend = root.querySelector('[part~=resend]')
  const wait = left(pending.retryAt)
  resend.ariaDisabled = String(wait > 0 || root.querySelector('form').ariaBusy === 'true')
  set(resend, wait ? t('resendIn', { time: duration(wait, language) }) : t('resend'))
}

const message = () => h('p', { className: 'message', part: 'message', role: 'alert' })
const submit = (text, kind = '') => h('button', { className: kind, part: `button ${kind || 'primary'}` }, text)

const link = (w, word, go) =>
  h('button', { type: 'button', className: 'link', part: 'link', onclick: typeof go === 'string' ? () => w.show(go) : go }, w.t(word))

function field({ t }, { name, label, hint, optional, inside, ...input }) {
  return h('div', { part: 'field' },
    h('label', { for: name, part: 'label' }, t(label), optional && h('small', {}, ` ${t('optional')}`)),
    h('div', { className: 'box' },
      h('input', { id: name, name, required: !optional, part: 'input', 'aria-describedby': hint && `${name}-hint`, ...input }),
      inside),
    hint && h('small', { id: `${name}-hint`, part: 'hint' }, hint),
  )
}

const address = (w, hint) => field(w, { name: 'email', label: 'address', type: 'email', autocomplete: 'username', maxLength: 254, hint })

/** Return a button that shows and hides what is typed into the input in the same element. */
export function showButton(label) {
  const button = h('button', { type: 'button', className: 'eye', part: 'show-password', 'aria-label': label, ariaPressed: 'false' }, eye())
  button.onclick = () => {
    const input = button.parentElement.querySelector('input')
    input.type = input.type === 'password' ? 'text' : 'password'
    button.ariaPressed = String(input.type === 'text')
  }
  return button
}

const password = (w, options) =>
  field(w, { name: 'password', type: 'password', inside: showButton(w.t('show')), spellcheck: false, autocapitalize: 'none', ...options })

const newPassword = (w) => password(w, { label: 'newPassword', autocomplete: 'new-password', hint: w.passwordRule.title, ...w.passwordRule })

/** Return the properties of an input for a new password. The server decides: they only help to type. */
export function passwordRule(policy, t) {
  const { rule, ...bounds } = POLICIES[policy] ?? POLICIES.cloudbase
  return { title: t(rule), ...bounds }
}
