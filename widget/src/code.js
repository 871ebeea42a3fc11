/** Find a code in what somebody types or pastes. */

const DIGITS = '6,16' // Latchkey's CodeLength and LongCodeLength are within these

/**
 * Return the code in a text, or ''. The text is the code itself, also with spaces or full-width
 * digits, or a mail that has it. Our mails end with `@domain #code`.
 */
export function findCode(text) {
  const plain = text.normalize('NFKC')
  const whole = plain.replace(/[\s-]/g, '')
  if (new RegExp(`^\\d{${DIGITS}}$`).test(whole)) return whole
  const marked = plain.match(new RegExp(`@\\S+ #(\\d{${DIGITS}})\\b`))
  if (marked) return marked[1]
  // Neither a part of an address or a link, nor of a longer number.
  const alone = plain.match(new RegExp(`(?:^|[^\\w@./+#-])(\\d{${DIGITS}})(?![\\w@-]|\\.\\w)`))
  return alone?.[1] ?? plain.match(/(?:^|[^\w@./+#-])(\d{3,4}[ -]\d{3,4})(?![\w@-]|\.\w)/)?.[1].replace(/\D/g, '') ?? ''
}
