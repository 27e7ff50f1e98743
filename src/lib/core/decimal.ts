/** Decimal numbers as PostgreSQL writes them: a number where JavaScript has it, else a text of its digits. */

/** So many significant digits survive a double. */
const safeDigits = 15
/** Below it a double has fewer. */
const smallest = 1e-300

/**
 * A decimal number without zeros at its end; as a number unless that would change it.
 *
 * @example
 * decimalOf('100000.0') // 100000
 * decimalOf('12345678901234567.89') // '12345678901234567.89'
 */
export function decimalOf(text: string): number | string {
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  const digits = short.replace(/[-.]/g, '').replace(/^0+/, '')
  const number = Number(short) + 0
  if (digits !== '' && Math.abs(number) < smallest) return short
  return digits.length <= safeDigits || String(number) === short ? number : short
}
