/**
 * What an instant is, said a second time and in another language than src/lib/load/sql/time-sql.ts, so that tests can hold
 * the one against the other: plain arithmetic on the parts of a text, no PostgreSQL, no Date parsing.
 */
import type { TimeFormat } from '../../src/lib/load/mapping/time-format.js'

const isoParts =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?( UTC|Z|[+-]\d\d(?::?\d\d)?)?)?$/

/**
 * Microseconds since 1970, or null when the text is no instant of this format.
 *
 * @param zone what a time without offset means: an IANA name
 */
export function instantOf(text: string, format: TimeFormat, zone = 'UTC'): bigint | null {
  switch (format.kind) {
    case 'auto':
      return isoInstant(text, zone) ?? epochInstant(text, 10) ?? epochInstant(text, 13) ?? epochInstant(text, 16)
    case 'iso':
      return isoInstant(text, zone)
    case 'epoch_s':
      return epochInstant(text, 10)
    case 'epoch_ms':
      return epochInstant(text, 13)
    case 'epoch_us':
      return epochInstant(text, 16)
    case 'wide':
    case 'epoch_ns':
    case 'epoch_local':
      throw new Error('told by examples, not by the model')
    case 'pattern':
      return patternInstant(text, format.pattern, zone)
  }
}

function epochInstant(text: string, digits: 10 | 13 | 16): bigint | null {
  return new RegExp(`^[0-9]{${digits}}$`).test(text) ? BigInt(text) * 10n ** BigInt(16 - digits) : null
}

function isoInstant(text: string, zone: string): bigint | null {
  const found = isoParts.exec(text)
  if (!found) return null
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as number[]
  if (year! < 1 || month! < 1 || month! > 12 || day! < 1 || day! > daysIn(year!, month!)) return null
  if (hour! > 23 || minute! > 59 || second! > 59) return null
  const date = new Date(0)
  date.setUTCFullYear(year!, month! - 1, day!)
  const localMs = date.getTime() + ((hour! * 60 + minute!) * 60 + second!) * 1000
  const micros = BigInt((found[7] ?? '').slice(0, 6).padEnd(6, '0'))
  const offsetMs = found[8] === undefined ? zoneOffsetMs(localMs, zone) : givenOffsetMs(found[8])
  return offsetMs === null ? null : BigInt(localMs - offsetMs) * 1000n + micros
}

const daysIn = (year: number, month: number) =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31

/** PostgreSQL takes offsets up to 15:59. */
function givenOffsetMs(text: string): number | null {
  if (text === 'Z' || text === ' UTC') return 0
  const hours = Number(text.slice(1, 3))
  const minutes = Number(text.slice(3).replace(':', '') || 0)
  if (hours > 15 || minutes > 59) return null
  return (text[0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
}

const dayMs = 86_400_000

/**
 * The offset of a local time. In a gap PostgreSQL reads the clock as it was before, in an overlap as it is after.
 */
function zoneOffsetMs(localMs: number, zone: string): number {
  if (zone === 'UTC') return 0
  const before = offsetAt(localMs - dayMs, zone)
  const after = offsetAt(localMs + dayMs, zone)
  const fitsAfter = offsetAt(localMs - after, zone) === after
  return fitsAfter ? after : before
}

const clocks = new Map<string, Intl.DateTimeFormat>()

function offsetAt(utcMs: number, zone: string): number {
  let clock = clocks.get(zone)
  if (clock === undefined) {
    const two = '2-digit'
    clock = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    })
    clocks.set(zone, clock)
  }
  const part = Object.fromEntries(clock.formatToParts(utcMs).map(({ type, value }) => [type, Number(value)]))
  return Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!) - utcMs
}

const tokenWidths: Readonly<Record<string, number>> = { YYYY: 4, HH24: 2, MM: 2, DD: 2, MI: 2, SS: 2, MS: 3, US: 6 }

function patternInstant(text: string, pattern: string, zone: string): bigint | null {
  const part: Record<string, string> = {}
  let at = 0
  for (const token of pattern.match(/YYYY|HH24|MM|DD|MI|SS|MS|US|./gs) ?? []) {
    const width = tokenWidths[token]
    const piece = text.slice(at, at + (width ?? token.length))
    at += piece.length
    if (width === undefined ? piece !== token : piece.length !== width || !/^[0-9]+$/.test(piece)) return null
    if (width !== undefined) part[token] = piece
  }
  if (at !== text.length) return null
  const { YYYY, MM, DD, HH24 = '00', MI = '00', SS = '00' } = part
  const fraction = part.US ?? part.MS
  return isoInstant(`${YYYY}-${MM}-${DD} ${HH24}:${MI}:${SS}${fraction ? `.${fraction}` : ''}`, zone)
}

/** Texts that look like instants; PostgreSQL alone would take many of them. */
export const nearMisses: readonly string[] = [
  '',
  ' ',
  'now',
  'today',
  'tomorrow',
  'yesterday',
  'epoch',
  'infinity',
  '-infinity',
  'allballs',
  'J2451187',
  '2451187',
  '01/02/2025',
  '2025/01/31',
  '2025.01.31',
  '20250131',
  '20250131T102030',
  '2025-031',
  '2025-W05-5',
  '2025-1-31',
  '2025-01-3',
  '25-01-31',
  '12025-01-31',
  '02025-01-31',
  '2025-Jan-31',
  'Jan 31 2025',
  '2025-01-31T',
  '2025-01-31 ',
  ' 2025-01-31',
  '\t2025-01-31',
  '2025-01-31\n',
  '\n2025-01-31',
  '2025-01-31T10:20:30Z\n',
  '2025-01-31  10:20:30',
  '2025-01-31t10:20:30',
  '2025-01-31T10:20:30z',
  '2025-01-31\t10:20:30',
  '2025-01-31_10:20:30',
  '2025-01-31T10',
  '2025-01-31T10:',
  '2025-01-31T1020',
  '2025-01-31T10:2',
  '2025-01-31T10:20:3',
  '2025-01-31T10:20:30.',
  '2025-01-31T10:20:30,5',
  '2025-01-31T10:20.5',
  '2025-01-31T10:20:30.1234567890',
  '2025-01-31T10:20:30 Z',
  '2025-01-31T10:20:30  UTC',
  '2025-01-31T10:20:30UTC',
  '2025-01-31T10:20:30 utc',
  '2025-01-31T10:20:30 GMT',
  '2025-01-31T10:20:30 EST',
  '2025-01-31T10:20:30 Europe/Kyiv',
  '2025-01-31T10:20:30 +02:00',
  '2025-01-31T10:20:30+2',
  '2025-01-31T10:20:30+02:0',
  '2025-01-31T10:20:30+02:000',
  '2025-01-31T10:20:30+02:00:00',
  '2025-01-31T10:20:30+16:00',
  '2025-01-31T10:20:30-24',
  '2025-01-31T10:20:30+02:60',
  '2025-01-31T10:20:30+0260',
  '2025-01-31T10:20:30\u2212' + '02:00',
  '2025-01-31T10:20:30Z+01',
  '2025-01-31Z',
  '2025-01-31+02:00',
  '2025-01-31 UTC',
  '2025-01-31 10:20:30 BC',
  '2025-01-31 BC',
  '2025-01-31 AD',
  '2025-01-31 10:00 PM',
  '2025-01-31 10:00:00 AM',
  '2025-01-31T24:00:00Z',
  '2025-01-31T24:00',
  '2025-01-31 24:00:00',
  '2025-01-31T24:00:00.000Z',
  '2025-01-31T24:00:00+00:00',
  '2025-01-31T25:00:00Z',
  '2025-01-31T10:60:00Z',
  '2025-01-31T10:20:60Z',
  '2025-01-31 10:20:60',
  '2025-01-31T10:20:60.000Z',
  '2025-01-31T10:20:60.5',
  '2025-01-31T10:20:60+02:00',
  '2025-01-31 10:20:60.000000',
  '2025-01-31T10:20:61Z',
  '2025-01-31T99:99:99Z',
  '2025-02-29',
  '2025-02-30',
  '2025-02-30T00:00:00Z',
  '1900-02-29',
  '2025-04-31',
  '2025-00-01',
  '2025-13-01',
  '2025-01-00',
  '2025-01-32',
  '0000-01-01',
  '-2025-01-31',
  '+2025-01-31',
  '٢٠٢٥-٠١-٣١',
  '２０２５-01-31',
  '2025-01-31T10:20:3٠Z',
  '２025-01-31T10:20:30Z',
  '2025-01-31T10:20:30.12３Z',
  '2025–01–31',
  '2025‐01‐31',
  '2025-01-31\u00a010:20:30',
  '2025-01-31\u2003' + '10:20:30',
  '2025-01-31T10：20：30Z',
  '\ufeff2025-01-31',
  '2025-01-31\u200b',
  '2025-01-31T10:20:30Ζ',
  '123456789',
  '12345678901',
  '173831883',
  '17383188301',
  '173831883012',
  '17383188301234',
  '173831883012345',
  '17383188301234567',
  '-738318830',
  '+738318830',
  '1738318830.5',
  '173831883e',
  '1.73831e09',
  ' 738318830',
  '١٧٣٨٣١٨٨٣٠',
  '0x38318830',
  '1_38318830',
  '____-__-__T__:__:__Z',
  '2025-01-31T--:--:--Z',
  '2025-01-3-T10:20:30Z',
  '2025-01--1T10:20:30Z',
  '2025-01-31T10:2:-30Z',
  '2025-01-31T10:20:3.Z',
  '2025-01-31T10:20:30.0.0Z',
  '2025-01-31T10:20:30+00+00',
  'Z025-01-31T10:20:30Z',
  '2025-01-31TT0:20:30Z',
  '%025-01-31T10:20:30Z',
]
