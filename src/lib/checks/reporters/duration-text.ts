/** Lengths of time for people, exact enough to stand beside a limit: 26 h 10 min is not "about a day" to `<= 26h`. */

/**
 * A length of time: below a minute with three digits of a second, from a minute on in whole seconds; days only from
 * three days on, because limits are mostly written in hours.
 *
 * @example
 * durationText(94_205) // '26 h 10 min 5 s'
 */
export function durationText(seconds: number): string {
  const sign = seconds < 0 ? '-' : ''
  const length = Math.abs(seconds)
  if (Math.round(length) < 60) return `${Number(length.toFixed(3)) === 0 ? '' : sign}${Number(length.toFixed(3))} s`
  let rest = Math.round(length)
  const units = rest < 3 * 86_400 ? clock : [['d', 86_400] as const, ...clock]
  const parts: string[] = []
  for (const [name, unitSeconds] of units) {
    const count = Math.floor(rest / unitSeconds)
    if (count > 0) parts.push(`${count} ${name}`)
    rest -= count * unitSeconds
  }
  return sign + parts.join(' ')
}

const clock = [
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const
