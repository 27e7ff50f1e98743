/**
 * Finds out how a source is to be read by looking at its start: the content decides, the name of the file breaks ties,
 * and what a person said is not doubted. Every finding comes with its reason, for `ea inspect`. csv-parse reads what
 * looks like CSV; the splitter reads the whole file by what is found here.
 */
import { basename } from 'node:path'
import { EaError } from '../../core/errors.js'
import { nameForPeople, stdinPath } from '../source/paths.js'
import { looksBinary, rejectBinary } from './binary-formats.js'
import { type CsvChoice, readCsvHeader } from './csv-header.js'
import { headRecords, parseObject } from './json-head.js'

export const fileFormats = ['csv', 'tsv', 'text', 'ndjson', 'json-array'] as const
type Format = (typeof fileFormats)[number]

/** What a person said about a source; absent is found by looking. */
export interface DialectOptions {
  /** `json` is an array or lines, whichever it looks like. */
  readonly format?: Format | 'json' | undefined
  /** One ASCII character, or `tab`, `\t`. */
  readonly delimiter?: string | undefined
  /** One ASCII character, or `none`. */
  readonly quote?: string | undefined
  /** What escapes a quote inside of quotes: one ASCII character; a quote when absent. */
  readonly escape?: string | undefined
  /** The names of the columns of a CSV without a header. */
  readonly columns?: readonly string[] | undefined
  /** How many lines come before the header or the first record. */
  readonly skipLines?: number | undefined
  /** Lines of a CSV that begin with this are no records. */
  readonly comment?: string | undefined
}

type LineEnd = 'lf' | 'crlf' | 'cr' | 'mixed' | 'none'

/** How a source is to be read. */
export interface Dialect {
  readonly format: Format
  /** One ASCII character; null for JSON. */
  readonly delimiter: string | null
  /** One ASCII character; null for JSON and for a CSV without quotes. */
  readonly quote: string | null
  /** What escapes a quote inside of quotes; null when it is another quote, and for JSON. */
  readonly escape: string | null
  /** Lines that begin with this are no records; null when there are none, and for JSON. */
  readonly comment: string | null
  /** The names of the header, untouched; null for JSON, which has none. */
  readonly columns: readonly string[] | null
  /** The keys of the first JSON records, in the order in which they come up; empty for CSV. */
  readonly keys: readonly string[]
  /** Bytes before the first record: the header with its line end, and what precedes it; 0 for JSON. */
  readonly headerBytes: number
  /** Lines before the first record. */
  readonly headerLines: number
  /** What the head's lines end with; the splitter takes any of them, also mixed. */
  readonly lineEnd: LineEnd
  /** Whether a CR without LF ends a record: in a CSV whose lines end with LF or CRLF it does not. */
  readonly crEndsRecords: boolean
  /** The source holds nothing, or nothing but blank space: no header and no records. */
  readonly empty: boolean
  /** Why it is to be read like this, in words. */
  readonly why: readonly string[]
}

/**
 * How to read a source, judged by its start.
 *
 * @param head the first decoded bytes, of `Source.head`
 * @param atEnd whether that is all there is
 * @param asked what a person said
 * @param path of the file, for ties and for errors
 * @throws EaError `not_recognised`, `header_invalid`, `encoding_error`; `usage` for what was given
 * @example
 * sniff(Buffer.from('event_id;user_id\n…'), true).delimiter // ';'
 */
export function sniff(head: Buffer, atEnd: boolean, asked: DialectOptions = {}, path = stdinPath): Dialect {
  const name = nameForPeople(path)
  const given = { ...asked, format: asked.format === 'json' ? kindOfJson(head) : asked.format }
  const choice = csvChoice(given)
  const lineEnd = lineEndOf(head)
  if (isBlank(head)) {
    if (!atEnd) throw notRecognised(name, `its first ${head.length} bytes are blank`)
    return emptyDialect(given.format ?? formatOfName(name) ?? 'csv', choice, lineEnd)
  }
  if (looksBinary(head, given.format !== undefined)) throw rejectBinary(head, name)
  const skipped = skippedBytes(head, given.skipLines ?? 0)
  const { format, why } = chooseFormat(head.subarray(skipped), atEnd, given, name)
  if (format === 'ndjson' || format === 'json-array') {
    refuseForJson(given, format)
    const keys = [...new Set(headRecords(head.subarray(skipped), format, 100).flatMap(Object.keys))]
    const before = { headerBytes: skipped, headerLines: given.skipLines ?? 0 }
    return { ...jsonShape, ...before, format, keys, lineEnd, empty: false, why: [why] }
  }
  const csv = readCsvHeader(
    head,
    atEnd,
    { ...choice, delimiter: choice.delimiter ?? (format === 'tsv' || format === 'text' ? '\t' : null) },
    name,
  )
  return {
    format: format === 'text' ? 'text' : csv.delimiter === '\t' ? 'tsv' : 'csv',
    delimiter: csv.delimiter,
    quote: choice.quote,
    escape: choice.escape ?? null,
    comment: choice.comment ?? null,
    columns: csv.columns,
    keys: [],
    headerBytes: csv.headerBytes,
    headerLines: csv.headerLines,
    lineEnd: csv.crEndsRecords ? lineEnd : lineEndOf(withoutLoneCr(head)),
    crEndsRecords: csv.crEndsRecords,
    empty: false,
    why: [why, ...csv.why],
  }
}

const noCsv = { delimiter: null, quote: null, escape: null, comment: null }
const jsonShape = { ...noCsv, columns: null, headerBytes: 0, headerLines: 0, crEndsRecords: true }

function emptyDialect(format: Format, choice: CsvChoice, lineEnd: LineEnd): Dialect {
  const why = [`format ${format}: nothing to look at`]
  const shape = { format, keys: [], lineEnd, empty: true, why }
  if (format === 'ndjson' || format === 'json-array') return { ...jsonShape, ...shape }
  const delimiter = choice.delimiter ?? (format === 'tsv' || format === 'text' ? '\t' : ',')
  return { ...jsonShape, ...shape, delimiter, quote: choice.quote, columns: [] }
}

/** An array begins with a bracket; a line that does is no event. */
const kindOfJson = (head: Buffer): Format => (/^\s*\[/.test(head.toString('latin1')) ? 'json-array' : 'ndjson')

/** What a person said, with `json` made one of the two. */
type GivenFormat = DialectOptions & { readonly format?: Format | undefined }

function csvChoice(given: GivenFormat): CsvChoice {
  const isText = given.format === 'text'
  if (isText && (given.quote ?? 'none') !== 'none') {
    throw new EaError('usage', '--quote has no meaning for text: there a backslash escapes.')
  }
  const delimiter = given.delimiter === undefined ? null : oneCharacter('delimiter', given.delimiter)
  const quote =
    isText || given.quote === 'none' ? null : given.quote === undefined ? '"' : oneCharacter('quote', given.quote)
  if (delimiter !== null && delimiter === quote) {
    throw new EaError('usage', `The delimiter and the quote are the same character: ${quote}`)
  }
  refuseForJson(given, given.format)
  const escapedBy = given.escape === undefined ? undefined : escapeCharacter(given.escape, quote, delimiter)
  const { columns, skipLines, comment } = given
  if (comment !== undefined && !/^[\x21-\x7e]+$/.test(comment)) {
    throw new EaError('usage', `--comment must be ASCII characters without blanks, not ${JSON.stringify(comment)}`)
  }
  const isJson = given.format === 'ndjson' || given.format === 'json-array'
  const format = isJson || given.format === undefined ? null : given.format
  return { delimiter, quote, escape: escapedBy, format, columns, skipLines, comment }
}

/** Flags of a CSV say nothing about JSON. */
function refuseForJson(given: GivenFormat, format: Format | undefined): void {
  if (format !== 'ndjson' && format !== 'json-array') return
  const flag = (['delimiter', 'quote', 'escape', 'columns', 'comment'] as const).find((one) => given[one] !== undefined)
  if (flag) throw new EaError('usage', `--${flag} has no meaning for ${format}.`)
}

/** Another quote is what escapes one by itself. */
function escapeCharacter(text: string, quote: string | null, delimiter: string | null): string | undefined {
  if (!/^[\x21-\x7e]$/.test(text) || text === delimiter) {
    throw new EaError('usage', `--escape must be one ASCII character, not ${JSON.stringify(text)}`, {
      suggestions: ["--escape '\\'"],
    })
  }
  if (quote === null) throw new EaError('usage', '--escape has no meaning without a quote.')
  return text === quote ? undefined : text
}

/** Bytes of the lines to skip. */
function skippedBytes(head: Buffer, lines: number): number {
  let at = 0
  for (let line = 0; line < lines; line++) {
    const end = head.indexOf(0x0a, at)
    if (end < 0) return head.length
    at = end + 1
  }
  return at
}

function oneCharacter(flag: 'delimiter' | 'quote', text: string): string {
  const char = text === 'tab' || text === '\\t' ? '\t' : text
  // PostgreSQL 16 and 17 take a line of a backslash and a dot for the end of the data.
  if (!/^[\t\x20-\x7e]$/.test(char) || char === '\\') {
    const others = flag === 'delimiter' ? 'or `tab`' : 'or `none`'
    throw new EaError(
      'usage',
      `--${flag} must be one ASCII character (no backslash) ${others}, not ${JSON.stringify(text)}`,
      {
        suggestions: [flag === 'delimiter' ? "--delimiter ';'" : "--quote '\"'"],
      },
    )
  }
  return char
}

function chooseFormat(head: Buffer, atEnd: boolean, given: GivenFormat, name: string): { format: Format; why: string } {
  if (given.format) return { format: given.format, why: `format ${given.format}: as given` }
  if (given.delimiter !== undefined) return { format: 'csv', why: 'format csv: a delimiter was given' }
  if (given.columns !== undefined) return { format: 'csv', why: 'format csv: its columns were given' }
  if (given.comment !== undefined) return { format: 'csv', why: 'format csv: it has comments' }
  const text = head.toString('utf8')
  const first = text.trimStart()
  const lines = completeLines(text, atEnd).slice(0, 50)
  const objects = lines.filter((line) => parseObject(line) !== undefined).length
  if (/^\{\s*"events"\s*:\s*\[/.test(first)) throw wrappedEvents(name)
  if (first[0] === '[' && !(objects > 0 && objects >= lines.length / 2)) {
    return { format: 'json-array', why: 'format json-array: it begins with [' }
  }
  if (objects > 0 && objects >= lines.length / 2) {
    return { format: 'ndjson', why: `format ndjson: ${objects} of the first ${lines.length} lines are JSON objects` }
  }
  if (first[0] === '{') {
    if (lines.length === 0) return { format: 'ndjson', why: 'format ndjson: it begins with {, in a very long line' }
    const named = formatOfName(name)
    if (named === 'ndjson') return { format: 'ndjson', why: 'format ndjson: it begins with {, and by its name' }
    // A header of placeholders, as in {created_at},{event_name}.
    if (/^\{\w+\}\W/.test(first)) return { format: 'csv', why: 'format csv: its first line has names in braces' }
    throw notRecognised(name, 'it begins with {, but its lines are no JSON objects', [
      'NDJSON has one object in each line: `jq -c . FILE | ea import -`.',
    ])
  }
  const named = formatOfName(name)
  if (named === 'ndjson') return { format: 'ndjson', why: 'format ndjson: by its name' }
  return { format: 'csv', why: 'format csv: text that is not JSON' }
}

function wrappedEvents(name: string): EaError {
  return notRecognised(name, 'it is one JSON object that holds the events in an array', [
    'Name the array: --each events, with a --map for what is in it.',
  ])
}

/** An error that says what was seen. */
function notRecognised(name: string, seen: string, suggestions?: readonly string[]): EaError {
  return new EaError('not_recognised', `Not recognised: ${name}: ${seen}.`, {
    ...(suggestions ? { suggestions } : {}),
    details: { path: name },
  })
}

/** What the name of a file says, also of a rotated one (`events.ndjson.1`); null when it says nothing. `.json` may be an array or lines. */
export function formatOfName(name: string): Format | null {
  const ending = /\.(csv|tsv|tab|ndjson|jsonl)(\.\d+)?(\.(gz|zst))?$/i.exec(basename(name))?.[1]?.toLowerCase()
  if (ending === 'ndjson' || ending === 'jsonl') return 'ndjson'
  if (ending === 'tsv' || ending === 'tab') return 'tsv'
  return ending === 'csv' ? 'csv' : null
}

function completeLines(text: string, atEnd: boolean): string[] {
  const lines = text.split(/\r\n|\n|\r/)
  if (!atEnd) lines.pop()
  return lines.filter((line) => line.trim() !== '')
}

const withoutLoneCr = (head: Buffer) => Buffer.from(head.toString('latin1').replaceAll(/\r(?!\n)/g, ''), 'latin1')

function lineEndOf(head: Buffer): LineEnd {
  const text = head.toString('latin1')
  const crlf = text.split('\r\n').length - 1
  const lf = text.split('\n').length - 1 - crlf
  // A carriage return at the very end of the head may be half of a CRLF.
  const cr = text.replace(/\r$/, '').split('\r').length - 1 - crlf + (text === '\r' ? 1 : 0)
  const kinds = [lf > 0 && 'lf', crlf > 0 && 'crlf', cr > 0 && 'cr'].filter((kind) => kind !== false)
  if (kinds.length > 1) return 'mixed'
  return (kinds[0] as LineEnd | undefined) ?? (text.endsWith('\r') ? 'cr' : 'none')
}

const isBlank = (head: Buffer) => !/[^\t\n\r ]/.test(head.toString('latin1'))
