/** The languages of the widget: those of the mails. */

import de from './words/de.js'
import en from './words/en.js'
import es from './words/es.js'
import fr from './words/fr.js'
import ja from './words/ja.js'
import zh from './words/zh-CN.js'

const WORDS = { en, 'zh-CN': zh, ja, es, de, fr }

/** The languages, each with its own name. */
export const LANGUAGES = { en: 'English', 'zh-CN': '中文', ja: '日本語', es: 'Español', de: 'Deutsch', fr: 'Français' }

/** Return the language that fits the wanted ones best, such as 'zh-CN' for 'zh-Hans-SG'. */
export function choose(wanted) {
  const primary = (tag) => tag.toLowerCase().split('-')[0]
  for (const tag of wanted) {
    const found = Object.keys(LANGUAGES).find((known) => primary(known) === primary(tag))
    if (found) return found
  }
  return 'en'
}

/** Return the text of a key in a language, or undefined. `values` fill in its `{name}`s. */
export function say(words, key, values = {}) {
  const text = key.split('.').reduce((found, part) => found?.[part], words)
  return text?.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
}

/** Return the function that says the widget's words in a language. */
export const speaker = (language) => (key, values) => say(WORDS[language], key, values)

/** Return seconds in the words of a language, whole minutes above two: '42 seconds', '10 minutes'. */
export function duration(seconds, language) {
  const [unit, size] = seconds <= 120 ? ['second', 1] : seconds <= 7200 ? ['minute', 60] : ['hour', 3600]
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(seconds / size))
}
