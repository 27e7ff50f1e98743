/** Numbers, rates and times as people read them: the same forms as the tables of `ea`. */

const grouped = new Intl.NumberFormat('en-US')

/** @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined ? '–' : grouped.format(value)
}

/** A share as percent with one digit, or with two where one would make none or all of it: `12.3%`, `99.96%`. */
export function rate(value) {
  return value === null || value === undefined ? '–' : percentText(value)
}

function percentText(share) {
  for (const decimals of [1, 2]) {
    const text = (share * 100).toFixed(decimals)
    const shown = Math.abs(Number(text))
    if ((shown !== 0 && shown !== 100) || shown === Math.abs(share * 100)) return `${text}%`
  }
  const size = Math.abs(share)
  return `${share < 0 ? '-' : ''}${size < 0.5 ? '<0.01' : size < 1 ? '>99.99' : '>100'}%`
}

/** A length of time in its two largest units: `9 h 51 min`. */
export function span(value) {
  if (value === null || value === undefined) return '–'
  if (value < 60) return `${Number(value.toFixed(value < 10 ? 2 : 0))} s`
  const [large, small, largeName, smallName] =
    value < 3600 ? [60, 1, 'min', 's'] : value < 86_400 ? [3600, 60, 'h', 'min'] : [86_400, 3600, 'd', 'h']
  const rounded = Math.round(value / small) * small
  const rest = (rounded % large) / small
  return `${Math.floor(rounded / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}

/** Bytes with a unit: `1.2 MB`. */
export function bytes(value) {
  let rest = value
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  while (rest >= 1000 && units.length > 1) {
    rest /= 1000
    units.shift()
  }
  return `${units[0] === 'B' ? rest : rest.toFixed(1)} ${units[0]}`
}

/** An instant of the server, in UTC, to the minute. */
export function instant(text) {
  return text === null ? '–' : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`
}

/** `1 user`, `2 users`. */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`
}
