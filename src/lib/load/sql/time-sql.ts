/**
 * Times as SQL: which texts are instants, and which instant a text is. `timestamptz` alone takes too much (`now`,
 * `infinity`, `01/02/2025`, `10:00 PM`), and a full regular expression is the dearest check there is, so the exact
 * common shapes are tried first: LIKE fixes the places of the separators, one small expression the digits.
 * The figures are in docs/decisions/where-import-time-goes.md.
 */
import { type RawBuilder, sql } from 'kysely'
import { type TimeFormat, timeTokens } from '../mapping/time-format.js'
import {
  epochForms,
  formOf,
  partOf,
  piecesOf,
  plainForms,
  type TimeForm,
  type TimePart,
} from '../mapping/time-forms.js'

/** `_` is a digit. Tried in this order. */
const commonShapes = [
  '____-__-__T__:__:__Z',
  '____-__-__T__:__:__.___Z',
  '____-__-__T__:__:__+__:__',
  '____-__-__ __:__:__',
  '____-__-__T__:__:__',
  '____-__-__ __:__:__.______',
] as const

/** Every ISO 8601 form that is taken: a date, or with `T` or one space a time, seconds, fraction and zone as they come. */
const isoForm =
  '^[0-9]{4}-[0-9][0-9]-[0-9][0-9](?:[T ][0-9][0-9]:[0-9][0-9](?::[0-9][0-9](?:[.][0-9]{1,9})?)?(?: UTC|Z|[+-][0-9][0-9](?::?[0-9][0-9])?)?)?$'

/** Whether a text is exactly of the shape: LIKE, then no other characters, then no separator in a digit's place. */
function isShape(text: RawBuilder<unknown>, shape: string): RawBuilder<boolean> {
  const separators = new Map<string, number>()
  for (const character of shape.replaceAll('_', '')) separators.set(character, (separators.get(character) ?? 0) + 1)
  // In a bracket expression `-` stands last, where it is itself.
  const set = [...separators.keys()].sort((a, b) => Number(a === '-') - Number(b === '-')).join('')
  const noMore = [...separators].map(
    ([character, count]) => sql`${text} NOT LIKE ${sql.lit(`%${`${character}%`.repeat(count + 1)}`)}`,
  )
  const rules = [sql`${text} LIKE ${sql.lit(shape)}`, sql`${text} !~ ${sql.lit(`[^0-9${set}]`)}`, ...noMore]
  return sql`(${sql.join(rules, sql` AND `)})`
}

/** `~` is asked only of a text with a digit where the seventh one of a fraction can stand; `text` is ISO 8601. */
function hasFineFraction(text: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`(octet_length(${text}) > 26 AND ascii(substr(${text}, 27, 1)) BETWEEN 48 AND 57 AND ${text} ~ '[.][0-9]{7}')`
}

/** An ISO text with its fraction cut to microseconds: a cast would round, and move 23:59:59.9999999 to the next day. */
function cutToMicroseconds(text: RawBuilder<unknown>): RawBuilder<string> {
  return sql`CASE WHEN ${hasFineFraction(text)} THEN regexp_replace(${text}, '([.][0-9]{6})[0-9]+', '\\1') ELSE ${text} END`
}

function isIso(text: RawBuilder<unknown>): RawBuilder<boolean> {
  const branches = commonShapes.map((shape) => sql`WHEN ${isShape(text, shape)} THEN true`)
  // PostgreSQL takes 24:00:00 and second 60 and means the next day or minute.
  return sql`(CASE ${sql.join(branches, sql` `)} ELSE ${text} ~ ${sql.lit(isoForm)} END
    AND ${text} NOT LIKE '___________24%' AND ${text} NOT LIKE '_________________60%')`
}

const epochDigits = { epoch_s: 10, epoch_ms: 13, epoch_us: 16 } as const
type Epoch = keyof typeof epochDigits

function isEpoch(text: RawBuilder<unknown>, unit: Epoch): RawBuilder<boolean> {
  return sql`(${text} LIKE ${sql.lit('_'.repeat(epochDigits[unit]))} AND ${text} !~ '[^0-9]')`
}

function fromEpoch(text: RawBuilder<unknown>, unit: Epoch): RawBuilder<Date> {
  return sql`to_timestamp(${text}::float8 / ${sql.lit(10 ** (epochDigits[unit] - 10))})`
}

/**
 * The instant of a text, or null when it is none of the forms. What is finer than a microsecond is cut. A text of the right form with an impossible date is
 * null when `strict`, else PostgreSQL's own error: the caller then asks again, strictly.
 *
 * @param text an SQL expression of the type text
 */
export function instantSql(text: RawBuilder<unknown>, format: TimeFormat, strict: boolean): RawBuilder<Date | null> {
  const iso = (given: RawBuilder<unknown>, form: RawBuilder<boolean>): RawBuilder<unknown> =>
    strict
      ? sql`WHEN ${form} THEN CASE WHEN pg_input_is_valid(${given}, 'timestamptz') THEN (${given})::timestamptz END`
      : sql`WHEN ${form} THEN (${given})::timestamptz`
  const isoText = iso(cutToMicroseconds(text), isIso(text))
  const epoch = (unit: Epoch): RawBuilder<unknown> => sql`WHEN ${isEpoch(text, unit)} THEN ${fromEpoch(text, unit)}`
  switch (format.kind) {
    case 'auto':
      return sql`CASE ${isoText} ${epoch('epoch_s')} ${epoch('epoch_ms')} ${epoch('epoch_us')} END`
    case 'iso':
      return sql`CASE ${isoText} END`
    case 'wide':
      return sql`CASE ${isoText} ${epoch('epoch_s')} ${epoch('epoch_ms')} ${epoch('epoch_us')}
        ${finerEpochs(text)} ELSE ${formSql(text, plainForms, strict)} END`
    case 'epoch_ns':
      return sql`CASE ${nanoseconds(text)} END`
    case 'epoch_local': {
      const instant = sql`CASE ${epoch('epoch_s')} ${epoch('epoch_ms')} ${epoch('epoch_us')} ${finerEpochs(text)} END`
      // The session's zone says where the clock hangs.
      return sql`((${instant} AT TIME ZONE 'UTC')::timestamptz)`
    }
    case 'pattern': {
      if (!isFixed(format.pattern)) return formSql(text, [formOf(format.pattern)], strict)
      // Its smallest part is a microsecond: there is nothing to cut.
      const { shape, iso: rearranged } = patternSql(text, format.pattern)
      return sql`CASE ${iso(rearranged, sql`${isShape(text, shape)} AND ${isIso(rearranged)}`)} END`
    }
    default:
      return sql`CASE ${epoch(format.kind)} END`
  }
}

/** Digits with a fraction, exactly, and nanoseconds, cut to microseconds. */
function finerEpochs(text: RawBuilder<unknown>): RawBuilder<unknown> {
  const fractionAfter = (digits: number, micros: number) =>
    sql`rpad(substr(${text}, ${sql.lit(digits + 2)}, ${sql.lit(micros)}), ${sql.lit(micros)}, '0')::int * interval '1 microsecond'`
  return sql`WHEN ${text} ~ ${sql.lit(epochForms.epoch_s)} THEN to_timestamp(left(${text}, 10)::float8) + ${fractionAfter(10, 6)}
    WHEN ${text} ~ ${sql.lit(epochForms.epoch_ms)} THEN to_timestamp(left(${text}, 13)::float8 / 1000) + ${fractionAfter(13, 3)}
    ${nanoseconds(text)}`
}

function nanoseconds(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`WHEN ${text} ~ ${sql.lit(epochForms.epoch_ns)} THEN to_timestamp(left(${text}, 16)::float8 / 1000000)`
}

const isFixed = (pattern: string) =>
  piecesOf(pattern).every((piece) => partOf(piece) === undefined || Object.hasOwn(timeTokens, piece))

/** The instant of a text of one of several forms: its parts become an ISO text, which the strict judge of dates reads. */
function formSql(text: RawBuilder<unknown>, forms: readonly TimeForm[], strict: boolean): RawBuilder<Date | null> {
  const branches = forms.map(
    (form) => sql`WHEN ${text} ~* ${sql.lit(form.regex)}
      THEN (SELECT ${isoOfParts(form)} FROM (SELECT regexp_match(${text}, ${sql.lit(form.regex)}, 'i') AS m OFFSET 0) found)`,
  )
  const cast = strict
    ? sql`CASE WHEN pg_input_is_valid(iso, 'timestamptz') THEN iso::timestamptz END`
    : sql`iso::timestamptz`
  return sql`(SELECT CASE WHEN ${isIso(sql`iso`)} THEN ${cast} END FROM (SELECT CASE ${sql.join(branches, sql` `)} END AS iso OFFSET 0) rearranged)`
}

const monthNames = sql.lit('janfebmaraprmayjunjulaugsepoctnovdec')

function isoOfParts({ parts }: TimeForm): RawBuilder<string> {
  const part = (name: TimePart) => {
    const at = parts.indexOf(name)
    return at < 0 ? undefined : sql`m[${sql.lit(at + 1)}]`
  }
  const two = (value: RawBuilder<unknown>) => sql`lpad(${value}, 2, '0')`
  const [y, yy, named, h, ap, f, z] = [part('Y'), part('YY'), part('Mon'), part('h'), part('ap'), part('f'), part('z')]
  const year = y ?? sql`CASE WHEN ${yy} >= '70' THEN '19' ELSE '20' END || ${yy}`
  const month = named
    ? two(sql`((position(lower(left(${named}, 3)) IN ${monthNames}) + 2) / 3)::text`)
    : two(part('M')!)
  const plain = h ? two(sql`coalesce(${h}, '00')`) : sql`'00'`
  const half = sql`CASE WHEN ${ap} IS NULL THEN ${plain} WHEN ${h}::int NOT BETWEEN 1 AND 12 THEN '99'
    ELSE lpad((${h}::int % 12 + CASE WHEN lower(${ap}) = 'pm' THEN 12 ELSE 0 END)::text, 2, '0') END`
  const fraction = f ? sql` || coalesce('.' || left(${f}, 6), '')` : sql``
  const offset = z
    ? sql` || CASE WHEN ${z} IS NULL THEN '' WHEN ${z} ~ '[0-9]' THEN substring(${z} FROM '[+-].*') ELSE 'Z' END`
    : sql``
  return sql`(${year} || '-' || ${month} || '-' || ${two(part('D')!)} || ' ' || ${ap ? half : plain} || ':' || coalesce(${part('mi') ?? sql`NULL`}, '00')
    || ':' || coalesce(${part('s') ?? sql`NULL`}, '00')${fraction}${offset})`
}

/**
 * A pattern of fixed-width tokens (`DD/MM/YYYY HH24:MI:SS`) as a shape and as the ISO text that its parts make.
 * PostgreSQL's to_timestamp is lenient; going through ISO keeps one strict judge of dates.
 */
function patternSql(text: RawBuilder<unknown>, pattern: string): { shape: string; iso: RawBuilder<string> } {
  const place = new Map<string, RawBuilder<string>>()
  let shape = ''
  for (const token of pattern.match(/YYYY|HH24|MM|DD|MI|SS|MS|US|./gs) ?? []) {
    const width = (timeTokens as Readonly<Record<string, number>>)[token]
    if (width === undefined) shape += token
    else {
      place.set(token, sql`substr(${text}, ${sql.lit(shape.length + 1)}, ${sql.lit(width)})`)
      shape += '_'.repeat(width)
    }
  }
  const part = (token: string, otherwise: string): RawBuilder<string> => place.get(token) ?? sql`${sql.lit(otherwise)}`
  const fraction = place.get('US') ?? place.get('MS')
  return {
    shape,
    iso: sql`(${part('YYYY', '')} || '-' || ${part('MM', '')} || '-' || ${part('DD', '')} || ' ' || ${part('HH24', '00')}
      || ':' || ${part('MI', '00')} || ':' || ${part('SS', '00')}${fraction ? sql` || '.' || ${fraction}` : sql``})`,
  }
}
