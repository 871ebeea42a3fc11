import english from './words/en.js'

/** Return texts, in the order of the English words, under their keys: what build.js makes of another language. */
export const named = (texts, like = english, left = [...texts]) =>
  Object.fromEntries(Object.entries(like).map(([key, text]) => [key, text.length ? left.shift() : named(texts, text, left)]))
