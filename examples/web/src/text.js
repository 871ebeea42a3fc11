/** The words of the account page. The widget has its own for everything before the sign-in. */

import { choose, explain as explainGenerally, LANGUAGES, say } from 'latchkey-sign-in'
import de from './words/de.js'
import en from './words/en.js'
import es from './words/es.js'
import fr from './words/fr.js'
import ja from './words/ja.js'
import zh from './words/zh-CN.js'

const WORDS = { en, 'zh-CN': zh, ja, es, de, fr }

export { LANGUAGES }
export let language = choose([localStorage.getItem('language'), ...navigator.languages].filter(Boolean))

/** Set the language of `t`, and of all elements that have the attribute data-text or data-title. */
export function speak(wanted = language) {
  if (wanted !== language) localStorage.setItem('language', wanted)
  language = wanted
  document.documentElement.lang = language
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = t(element.dataset.text)
  for (const element of document.querySelectorAll('[data-title]')) element.title = t(element.dataset.title)
}

/** Return the text of a key such as `save` or `events.USER_LOGIN`, or undefined. */
export const t = (key, values) => say(WORDS[language], key, values)

/** Return a time in the format of the reader's language. */
export const time = (iso) => new Date(iso).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' })

/** Return the page's own text for the reason of an error. The widget has texts for the others. */
export const ownText = (reason, values) => t(`errors.${reason}`, values)

/** Return what went wrong and what the reader can do about it. */
export const explain = (error) => explainGenerally(error, language, ownText)
