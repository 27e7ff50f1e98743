/** The time zone of a flag, checked; the server has the last word. */
import { EaError } from '../core/errors.js'
import { isTimeZone } from '../core/time.js'

/**
 * Gives the zone back when its name can be one.
 *
 * @param flag for the message: `--tz`
 * @throws EaError `usage`
 */
export function requireTimeZone(name: string, flag: string): string {
  if (isTimeZone(name)) return name
  throw new EaError('usage', `${flag} must be a time zone like Europe/Kyiv or UTC, not ${JSON.stringify(name)}.`)
}
