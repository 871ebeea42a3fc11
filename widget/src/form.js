/** One step of a form: one at a time, with a word while it takes long and in the end if it fails. */

const SLOW_SECONDS = 4
const LONGEST_SECONDS = 35 // API Gateway gives up after 30

/** Reject if a promise takes too long: the SDK waits for an answer without a limit. */
export async function withinTime(promise) {
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

/**
 * Do the action of a form, unless it is busy. `slow` is the text for a slow answer, and `failed`
 * returns the text for an error, or ''. They go into the form's element `.message`.
 */
export async function attempt(form, action, { slow, failed }) {
  if (form.ariaBusy === 'true') return
  const message = form.querySelector('.message')
  const timer = setTimeout(() => (message.textContent = slow), SLOW_SECONDS * 1000)
  message.textContent = ''
  form.ariaBusy = 'true'
  // Not `disabled`: that would take the focus away.
  const buttons = [...form.querySelectorAll('button')].filter((button) => button.ariaDisabled !== 'true')
  for (const button of buttons) button.ariaDisabled = 'true'
  try {
    await withinTime(action())
    message.textContent = ''
  } catch (error) {
    message.textContent = failed(error)
  } finally {
    clearTimeout(timer)
    form.ariaBusy = 'false'
    for (const button of buttons) button.ariaDisabled = 'false'
  }
}
