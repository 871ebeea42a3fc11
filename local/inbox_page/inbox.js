// The page of the inbox: shows new mails as they come. Mails are not trusted: their text is set as text, and their
// HTML is in a frame without rights.
const PAUSE = 1000
const list = document.getElementById('mails')
const to = document.getElementById('to')
const status = document.getElementById('status')
const template = document.getElementById('mail')
const shown = new Map()

function made(mail) {
  const article = template.content.cloneNode(true).firstElementChild
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

function show(mails) {
  for (const [id, article] of shown) {
    if (mails.some(mail => mail.id === id)) continue
    article.remove()
    shown.delete(id)
  }
  const before = shown.size
  for (const mail of [...mails].reverse()) {
    if (shown.has(mail.id)) continue
    shown.set(mail.id, made(mail))
    list.prepend(shown.get(mail.id))
  }
  if (shown.size === before) return
  status.textContent = `${shown.size} ${shown.size === 1 ? 'mail' : 'mails'}, newest first.`
  document.title = `Inbox (${shown.size})`
}

async function look() {
  const query = to.value.trim() && `?to=${encodeURIComponent(to.value.trim())}`
  try {
    show(await (await fetch(`/mails${query}`)).json())
  } catch {
    status.textContent = 'The inbox does not answer: it was stopped.'
  }
}

async function watch() {
  await look()
  setTimeout(watch, PAUSE)
}

to.addEventListener('input', look)
watch()
