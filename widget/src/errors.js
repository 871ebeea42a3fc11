/** What went wrong, from the `error` and the `details` of an answer. Its sentence is never read. */

import { duration, speaker } from './words.js'

/** Reasons that mean the same to a reader. */
const SAME = {
  proof_unusable: 'code_unusable',
  address_taken: 'code_unusable', // registered elsewhere meanwhile: another code signs in
  password_letter: 'password_rule',
  password_digit: 'password_rule',
  captcha_required: 'captcha',
  captcha_invalid: 'captcha',
  characters_wrong: 'captcha',
  picture_unusable: 'captcha',
}

/**
 * Return the word for an error: its `reason`, or the field that it is about, or its `error`.
 *
 * The SDK's older methods reject with the answer as it is. Its newer ones make an AuthError of it,
 * which has the word in `code`, but no details.
 */
export function reasonOf(error) {
  const [{ reason, field } = {}] = error?.details ?? []
  return reason ?? field ?? [error?.error, error?.code].find((word) => typeof word === 'string') ?? 'unavailable'
}

/** Return how many seconds to wait, or undefined. */
export const waitOf = (error) => error?.retry_after ?? error?.retryAfter

/**
 * Return what went wrong and what the reader can do about it. `own` returns the app's own text for
 * a word, if it has one.
 */
export function explain(error, language, own = () => undefined) {
  const t = speaker(language)
  const word = reasonOf(error)
  // The sentence of the deployer's own function, which knows why, is for the reader.
  if (word === 'sign_up_refused') return own(word) ?? error.error_description
  const values = { ...error?.details?.[0], wait: duration(waitOf(error) ?? 60, language), rule: t('rule') }
  const general = error?.error === 'invalid_argument' ? 'invalid_argument' : 'unavailable'
  return own(word, values) ?? t(`errors.${SAME[word] ?? word}`, values) ?? t(`errors.${general}`)
}
