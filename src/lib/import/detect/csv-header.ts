/**
 * Reads the start of a CSV: which delimiter it has, what its header says and where its records begin. csv-parse does
 * the reading; each candidate for the delimiter is tried on the first records, and the one that fits best wins.
 */
import { parse } from 'csv-parse/sync'
import { EaError } from '../../core/errors.js'
import { crEndsRecords } from './cr-lines.js'

/** What is known before looking. */
export interface CsvChoice {
  /** Null: find it. */
  readonly delimiter: string | null
  /** Null: nothing is quoted. */
  readonly quote: string | null
  /** What escapes a quote inside of quotes, when it is not another quote. */
  readonly escape?: string | undefined
  /** What a person called it; null when nobody did. */
  readonly format: 'csv' | 'tsv' | 'text' | null
  /** The names of the columns, when there is no header. */
  readonly columns?: readonly string[] | undefined
  /** So many lines come before the header. */
  readonly skipLines?: number | undefined
  /** What lines begin with that are no records. */
  readonly comment?: string | undefined
}

export interface CsvHeader {
  readonly delimiter: string
  readonly columns: readonly string[]
  readonly headerBytes: number
  readonly headerLines: number
  /** Whether a CR without LF ends a record. */
  readonly crEndsRecords: boolean
  readonly why: readonly string[]
}

const candidates = [',', '\t', ';', '|'] as const
/** Names that stand outside of the records tell how many fields there are, so a blank can be tried, too. */
const candidatesOfNamed = [...candidates, ' '] as const
const sampleRecords = 50

/**
 * @param head the first bytes; not blank
 * @param atEnd whether that is all there is
 * @throws EaError `not_recognised`, `header_invalid`, `encoding_error`
 */
export function readCsvHeader(head: Buffer, atEnd: boolean, choice: CsvChoice, name: string): CsvHeader {
  const start = passPreamble(head, choice, name)
  const body = head.subarray(start.bytes)
  const columns = choice.columns ?? start.fields
  const { delimiter, why } = chooseDelimiter(body, atEnd, choice, start.delimiter, columns, name)
  const crEnds = crEndsRecords(body, atEnd, {
    delimiter: delimiter.charCodeAt(0),
    quote: choice.quote === null ? null : choice.quote.charCodeAt(0),
  })
  const found = { delimiter, crEndsRecords: crEnds }
  if (columns) {
    checkNames(columns, name)
    requireWidth(columns, sampleOf(body, atEnd, delimiter, choice, 1, crEnds)[0], delimiter, name)
    const from = choice.columns ? 'as given' : 'from the line #Fields:'
    const lines = { headerBytes: start.bytes, headerLines: start.lines }
    return { ...found, ...lines, columns, why: [why, `columns: ${columns.length}, ${from}`] }
  }
  const [header, first] = sampleOf(body, atEnd, delimiter, choice, 2, crEnds)
  if (!header) throw headerEndless(head, atEnd, name)
  checkUtf8(body.subarray(0, header.endByte), name)
  const isData = looksLikeData(header.fields)
  if (!isData) checkNames(header.fields, name)
  else {
    throw headerInvalid(name, 'the first record looks like an event, not like names of columns', [
      'Name the columns: --columns event_id,occurred_at,…',
    ])
  }
  return {
    ...found,
    columns: header.fields,
    headerBytes: start.bytes + header.endByte,
    headerLines: start.lines + linesIn(body.subarray(0, header.endByte), crEnds),
    why: [why, `header: ${header.fields.length} columns${first ? '' : ', no record in sight'}`],
  }
}

interface Preamble {
  readonly bytes: number
  readonly lines: number
  /** As a line `sep=` says. */
  readonly delimiter: string | null
  /** As a comment `#Fields:` names them. */
  readonly fields: readonly string[] | undefined
}

/** What comes before header and records: lines to skip, the delimiter that Excel writes and reads in a first line, comments. */
function passPreamble(head: Buffer, { skipLines = 0, comment }: CsvChoice, name: string): Preamble {
  const text = head.toString('latin1')
  const line = /[^\r\n]*(\r\n|\n|\r)/y
  let lines = 0
  let bytes = 0
  for (; lines < skipLines; lines++) {
    line.lastIndex = bytes
    if (!line.test(text))
      throw headerInvalid(name, `--skip-lines ${skipLines} leaves nothing of its first ${head.length} bytes`)
    bytes = line.lastIndex
  }
  const announced = /sep=([\t\x20-\x7e])(?:\r\n|\n|\r)/iy
  announced.lastIndex = bytes
  const delimiter = announced.exec(text)?.[1] ?? null
  if (delimiter !== null) {
    bytes = announced.lastIndex
    lines++
  }
  let fields: readonly string[] | undefined
  const mark = comment === undefined ? undefined : Buffer.from(comment).toString('latin1')
  for (;;) {
    line.lastIndex = bytes
    const found = mark === undefined ? null : line.exec(text)
    if (!found?.[0].startsWith(mark!)) return { bytes, lines, delimiter, fields }
    const names = /^.\s*fields:?[\t ]+(.*?)\s*$/is.exec(head.toString('utf8', bytes, line.lastIndex))?.[1]
    if (names !== undefined) fields = names.split(/[\t ]+/)
    bytes = line.lastIndex
    lines++
  }
}

/** Names without records beside them must be as many as the fields. */
function requireWidth(
  columns: readonly string[],
  first: SampleRecord | undefined,
  delimiter: string,
  name: string,
): void {
  if (!first || first.fields.length === columns.length) return
  const has = `the first record has ${first.fields.length} fields (delimiter ${shown(delimiter)})`
  throw headerInvalid(name, `there are ${columns.length} names of columns, and ${has}`, [
    'Give as many names as there are fields: --columns; --delimiter and --quote say where a field ends.',
  ])
}

interface SampleRecord {
  readonly fields: readonly string[]
  /** The byte after the record and its line end. */
  readonly endByte: number
}

/** The first records as csv-parse reads them, up to the first that it refuses or that is cut off. */
function sampleOf(
  body: Buffer,
  atEnd: boolean,
  delimiter: string,
  { quote, escape: escapedBy, comment }: Pick<CsvChoice, 'quote' | 'escape' | 'comment'>,
  maxRecords: number,
  crEnds = true,
): SampleRecord[] {
  const records: SampleRecord[] = []
  try {
    parse(body, {
      delimiter,
      quote: quote ?? false,
      escape: escapedBy ?? quote ?? '"',
      ...(comment === undefined ? {} : { comment, comment_no_infix: true }),
      record_delimiter: crEnds ? ['\r\n', '\n', '\r'] : ['\r\n', '\n'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      to: maxRecords,
      on_record: (fields: string[], { bytes }) => {
        records.push({ fields, endByte: bytes })
        return null
      },
    })
  } catch {
    // What it read before is what was asked for.
  }
  // The last record of a head that goes on may be cut off, and its line end may be half of a CRLF.
  if (!atEnd && (records.at(-1)?.endByte ?? 0) >= body.length) records.pop()
  return records
}

interface HeadDialect {
  readonly delimiter: string | null
  readonly quote: string | null
  readonly escape: string | null
  readonly comment: string | null
  readonly headerBytes: number
}

/** The first records as csv-parse reads them. */
export function headRows(
  head: Buffer,
  atEnd: boolean,
  { delimiter, quote, escape: escapedBy, comment, headerBytes }: HeadDialect,
  maxRecords: number = sampleRecords,
): (readonly string[])[] {
  const choice = { quote, escape: escapedBy ?? undefined, comment: comment ?? undefined }
  return sampleOf(head.subarray(headerBytes), atEnd, delimiter ?? ',', choice, maxRecords).map(({ fields }) => fields)
}

/** The values of a column in the first records, from those that have it. */
export function headFields(head: Buffer, atEnd: boolean, dialect: HeadDialect, index: number): string[] {
  return headRows(head, atEnd, dialect).flatMap((fields) => fields[index] ?? [])
}

const linesIn = (bytes: Buffer, crEnds: boolean) =>
  bytes.toString('latin1').split(crEnds ? /\r\n|\n|\r/ : /\n/).length - 1

function chooseDelimiter(
  body: Buffer,
  atEnd: boolean,
  choice: CsvChoice,
  announced: string | null,
  columns: readonly string[] | undefined,
  name: string,
): { delimiter: string; why: string } {
  if (choice.delimiter !== null)
    return { delimiter: choice.delimiter, why: `delimiter ${shown(choice.delimiter)}: as given` }
  if (announced !== null) return { delimiter: announced, why: `delimiter ${shown(announced)}: the line sep= says so` }
  const scored = (columns ? candidatesOfNamed : candidates)
    .filter((delimiter) => delimiter !== choice.quote)
    .map((delimiter) => ({ delimiter, ...score(sampleOf(body, atEnd, delimiter, choice, sampleRecords), columns) }))
    .sort((a, b) => b.score - a.score)
  const best = scored[0]!
  if (columns && (best.fitting > 0 || best.records === 0)) {
    return {
      delimiter: best.delimiter,
      why: `delimiter ${shown(best.delimiter)}: ${best.fitting} of the first ${best.records} records have ${columns.length} fields`,
    }
  }
  if (scored.every(({ records }) => records === 0)) throw headerEndless(body, atEnd, name)
  if (best.columns < 2) {
    if (choice.format !== null) return { delimiter: ',', why: 'delimiter ,: none found, so there is one column' }
    const line = body
      .toString('utf8')
      .trimStart()
      .split(/[\r\n]/)[0]!
      .slice(0, 60)
    throw new EaError(
      'not_recognised',
      `Not recognised: ${name}: no delimiter (comma, tab, semicolon, bar) in its first line: ${JSON.stringify(line)}.`,
      { details: { path: name } },
    )
  }
  const fits = `${best.columns} columns in ${best.fitting} of the first ${best.records} records`
  return { delimiter: best.delimiter, why: `delimiter ${shown(best.delimiter)}: ${fits}` }
}

/** Names that an event's columns have here or elsewhere: seen in a header, they decide. */
const knownNames =
  /^(event_?id|uuid|occurred_?at|timestamp|time|event_?time|user_?id|event_?type|event|properties(_json)?)$/i

/** How well a delimiter fits: known names first, then records as wide as the header, then the number of columns. */
function score(records: readonly SampleRecord[], names?: readonly string[]) {
  const header = records[0]?.fields ?? []
  const columns = names?.length ?? header.length
  const fitting = records.filter(({ fields }) => fields.length === columns).length
  const known = names ? 0 : header.filter((field) => knownNames.test(field.trim())).length
  const consistent = records.length === 0 ? 0 : fitting / records.length
  const value = columns < 2 && !names ? -1 : Math.min(known, 5) * 100 + consistent * 100 + Math.min(columns, 50) / 10
  return { columns, fitting, records: records.length, score: value }
}

const shown = (delimiter: string) => (delimiter === '\t' ? 'tab' : delimiter)

function checkUtf8(header: Buffer, name: string): void {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(header)
  } catch {
    throw new EaError('encoding_error', `The header is not UTF-8: ${name}`, {
      suggestions: ['Name its encoding: --encoding windows-1252 (or utf-16le, latin1, …)'],
      details: { path: name },
    })
  }
}

function checkNames(columns: readonly string[], name: string): void {
  const empty = columns.flatMap((column, index) => (column.trim() === '' ? [index + 1] : []))
  if (empty.length > 0) {
    throw headerInvalid(
      name,
      `${empty.length === 1 ? `column ${empty[0]} has` : `columns ${empty.join(', ')} have`} no name`,
    )
  }
  const twice = [...new Set(columns.filter((column, index) => columns.indexOf(column) !== index))]
  if (twice.length > 0) throw headerInvalid(name, `these names are repeated: ${twice.join(', ')}`)
}

/** Values that are never names of columns: a uuid or an instant. */
const value = /^([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d\d-\d\d([T ].*)?|\d{10}|\d{13}|\d{16})$/i

const looksLikeData = (columns: readonly string[]) => columns.some((column) => value.test(column.trim()))

function headerEndless(head: Buffer, atEnd: boolean, name: string): EaError {
  return headerInvalid(name, atEnd ? 'a quote in it is never closed' : `it does not end within ${head.length} bytes`)
}

function headerInvalid(name: string, what: string, suggestions?: readonly string[]): EaError {
  return new EaError('header_invalid', `The header of ${name} cannot be used: ${what}.`, {
    ...(suggestions ? { suggestions } : {}),
    details: { path: name },
  })
}
