/**
 * The numbers of an assertion: `1_000`, `-25%`, `5pp`, `26h`. A text becomes the number that is nearest to what it says:
 * 7% is 0.07, as 0.07 is.
 */

import { type DurationUnit, durationMs } from '../../core/duration.js'
import { aliasesOf } from '../../core/nearest.js'
import type { Quantity } from './assertion.js'

/** The units of a length of time, for checks. */
export const durationUnits: readonly DurationUnit[] = ['s', 'm', 'h', 'd']

/** A number and the letters after it, for a sticky search: what is not a unit is found too, to be named. */
export const quantityPattern = /[+-]?(?:\d[\d_.]*|\.\d[\d_.]*)(?:%|[a-z]+)?/iy

/** More would not fit a number exactly. */
const mostDigits = 15

/**
 * Reads a quantity.
 *
 * @param text without blanks around it
 * @returns the quantity, or what is wrong with the text and, where that can be told, what was probably meant
 * @example
 * readQuantity('7%') // { quantity: { value: 0.07, unit: 'percent', text: '7%' } }
 */
export function readQuantity(
  text: string,
): { readonly quantity: Quantity } | { readonly problem: string; readonly meant?: string } {
  const [, sign = '', digits = '', suffix = ''] = /^([+-]?)([\d_.]+)(.*)$/.exec(text) ?? []
  if (!/^\d+(_\d+)*(\.\d+)?$/.test(digits)) {
    const meant = digits.startsWith('.') ? `${sign}0${text.slice(sign.length)}` : undefined
    return { problem: 'expected a number such as 1000, 1_000 or 1.5', ...(meant === undefined ? {} : { meant }) }
  }
  const plain = digits.replaceAll('_', '')
  if (plain.replace('.', '').replace(/^0+/, '').length > mostDigits) {
    return { problem: `expected a number of at most ${mostDigits} digits` }
  }
  const scaled = (exponent: number) => Number(`${sign}${plain}e${exponent}`) + 0
  switch (suffix) {
    case '':
      return { quantity: { value: scaled(0), unit: 'number', text } }
    case '%':
      return { quantity: { value: scaled(-2), unit: 'percent', text } }
    case 'pp':
      return { quantity: { value: scaled(-2), unit: 'points', text } }
  }
  const milliseconds = durationMs(`${plain}${suffix}`, durationUnits)
  if (milliseconds !== undefined) {
    if (sign !== '') return { problem: 'expected a length of time without a sign', meant: text.slice(1) }
    return { quantity: { value: milliseconds / 1000, unit: 'duration', text } }
  }
  const meant = inKnownUnit(`${sign}${digits}`, foreignUnits.get(suffix.toLowerCase()))
  return {
    problem: 'expected nothing, %, pp (percentage points), s, m, h or d after the number',
    ...(meant === undefined ? {} : { meant }),
  }
}

/** What people write for a unit. */
const foreignUnits = aliasesOf({
  pp: 'p pt pts ppt points pp',
  '%': 'percent pct',
  s: 'sec seconds s',
  m: 'min minutes m',
  h: 'hr hrs hours h',
  d: 'day days d',
  w: 'w weeks',
  k: 'k',
})

/** A number with a foreign unit, in a unit that is known. */
function inKnownUnit(number: string, unit: string | undefined): string | undefined {
  const plain = Number(number.replaceAll('_', ''))
  if (unit === 'w') return `${7 * plain}d`
  if (unit === 'k') return String(1000 * plain)
  return unit && `${number}${unit}`
}
