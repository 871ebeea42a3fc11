// The page of the inbox: shows new mails as they come. Mails are not trusted: their text is set as text, and their
// HTML is in a frame without rights.
const PAUSE = 1000
const PAGE = 20 // mails at first, and more at a press: hundreds of frames at once would stop the browser
const list = document.getElementById('mails')
const to = document.getElementById('to')
const status = document.getElementById('status')
const older = document.getElementById('older')
const template = document.getElementById('mail')
const shown = new Map()
let limit = PAGE
let newest = 0 // the newest look: an older answer that comes late is dropped
let said = ''

function made(mail) {
  const article = template.content.cloneNode(true).firstElementChild
  shown.set(mail.id, article)
  const part = selector => article.querySelector(selector)
  part('h2').textContent = mail.subject
  part('.about').textContent = `to ${mail.to} at ${new Date(mail.received_at * 1000).toLocaleTimeString()}`
  part('pre').textContent = mail.text
  if (mail.html) part('iframe').srcdoc = mail.html
  else part('iframe').remove()
  const code = /\b\d{6,16}\b/.exec(mail.text)?.[0]
  if (code) {
    part('.code').hidden = false
    part('code').textContent = code
    part('button').addEventListener('click', () => copy(code))
  }
  return article
}

async function copy(code) {
  await navigator.clipboard.writeText(code)
  status.textContent = `${code} is copied.`
}

/**
 * Show the newest of these mails, and whether there are more. An article that stays is not moved, because its frame
 * would load again.
 */
function show(found) {
  const mails = found.slice(0, limit)
  older.hidden = mails.length === found.length
  const gone = new Map(shown)
  for (const { id } of mails) gone.delete(id)
  for (const [id, article] of gone) {
    article.remove()
    shown.delete(id)
  }
  let next = list.firstElementChild
  for (const mail of mails) {
    if (!shown.has(mail.id)) list.insertBefore(made(mail), next)
    else next = next.nextElementSibling
  }
  const count = `${shown.size}${older.hidden ? '' : '+'}`
  document.title = `Inbox (${count})`
  const many = count === '1' ? '1 mail.' : `${count} mails, newest first.`
  say(shown.size ? many : 'No mail yet. New mails appear by themselves.')
}

/** Say a sentence unless it was the last. What was said of a copied code stays until something else changes. */
function say(sentence) {
  if (sentence !== said) said = status.textContent = sentence
}

async function look() {
  const mine = ++newest
  const query = new URLSearchParams({ limit: limit + 1 })
  if (to.value.trim()) query.set('to', to.value.trim())
  try {
    const mails = await (await fetch(`/mails?${query}`)).json()
    if (mine === newest) show(mails)
  } catch {
    say('The inbox does not answer: it was stopped.')
  }
}

async function watch() {
  await look()
  setTimeout(watch, PAUSE)
}

to.addEventListener('input', look)
older.addEventListener('click', async () => {
  const before = list.children.length
  limit += PAGE
  await look()
  list.children[before]?.querySelector('pre').focus() // the button may be gone, and the focus with it
})
watch()
