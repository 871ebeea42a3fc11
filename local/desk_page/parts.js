// What the views of the desk are made of: elements, tables, buttons and calls.
import { text } from './text.js'

const status = document.getElementById('status')

/** Make an element. Properties are set, `data-*` and `aria-*` as attributes; children are nodes or texts. */
export function made(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (/^(data|aria)-|^role$/.test(name)) element.setAttribute(name, value)
    else element[name] = value
  }
  element.append(...children)
  return element
}

class Refusal extends Error {}

/** Ask the server of the page, and return the result. Throws Refusal with a sentence. */
export async function post(path, body) {
  let answer
  try {
    const headers = { 'content-type': 'application/json', 'x-desk-token': sessionStorage.getItem('token') ?? '' }
    answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
  } catch {
    throw new Refusal(text('stopped'))
  }
  const { result, message } = await answer.json()
  if (answer.status === 401) throw new Refusal(text('noToken'))
  if (!answer.ok) throw new Refusal(message)
  return result
}

export const call = (act, request = {}) => post('/call', { act, ...request })

// --- How values are shown ---------------------------------------------------------------------------

export const shown = (value) => {
  if (typeof value === 'boolean') return text(value ? 'yes' : 'no')
  return Array.isArray(value) ? value.join(' ') : String(value ?? '')
}

export function time(value) {
  const at = new Date(value)
  if (!value || at.getTime() === 0) return ''
  const said = at.toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' })
  return made('time', { dateTime: at.toISOString() }, said)
}

/** Return a table. `columns` has for each heading a function from a row to a text or a node. */
function table(label, columns, rows) {
  const names = Object.keys(columns)
  // The roles stay what they are when a narrow window shows rows as blocks.
  const head = made('tr', { role: 'row' }, ...names.map((name) => made('th', { role: 'columnheader', scope: 'col' }, text(name))))
  const body = made('tbody', { role: 'rowgroup' })
  const cell = (name, row) => made('td', { role: 'cell', 'data-label': text(name) }, columns[name](row))
  const add = (more) => body.append(...more.map((row) => made('tr', { role: 'row' }, ...names.map((name) => cell(name, row)))))
  add(rows)
  const element = made('table', { role: 'table', 'aria-label': label }, made('thead', { role: 'rowgroup' }, head), body)
  return { element, add, count: () => body.rows.length }
}

/** Return a table, or the word that there is nothing. */
export const list = (label, columns, rows) =>
  rows.length ? table(label, columns, rows).element : made('p', { className: 'quiet' }, text('none'))

/** Return a table that grows by pages. `read(cursor)` returns `{rows, cursor}`. */
export async function growing(label, columns, read) {
  const first = await read('')
  if (!first.rows.length && !first.cursor) return [list(label, columns, [])]
  const grown = table(label, columns, first.rows)
  let { cursor } = first
  const count = made('p', { className: 'quiet' }, text('count', grown.count()))
  const more = button('more', async () => {
    const next = await read(cursor)
    grown.add(next.rows)
    cursor = next.cursor
    count.textContent = text('count', grown.count())
    status.textContent = count.textContent
    more.hidden = !cursor
  })
  more.hidden = !cursor
  return [grown.element, count, more]
}

/** Return a button that cannot be pressed again until its work is done. */
export function button(name, work, properties = {}) {
  const element = made('button', { type: 'button', ...properties }, text(name))
  element.addEventListener('click', async () => {
    if (element.ariaDisabled) return
    element.ariaDisabled = 'true' // `disabled` would lose the focus
    try {
      await work()
    } catch (error) {
      tell(error)
    }
    element.ariaDisabled = null
  })
  return element
}

export function tell(error) {
  if (!(error instanceof Refusal)) throw error
  status.replaceChildren(made('span', { className: 'problem' }, error.message))
}
