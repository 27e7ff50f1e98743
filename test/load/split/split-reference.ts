/**
 * The rules of the splitter for delimited text once more, as one regular expression over the whole content: slow,
 * short, and written from the rules, not from the splitter. The tests compare the two on any bytes.
 */
import { isUtf8 } from 'node:buffer'
import type { DelimitedShape } from '../../../src/lib/load/split/chunk.js'

export interface ReferenceRecord {
  record: number
  line: number
  byteOffset: number
  raw: string
  /** What COPY must store; undefined for a reject. */
  fields?: (string | null)[]
}

const escaped = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`

/** All records of a content, good and bad. */
export function referenceRecords(content: Buffer, shape: DelimitedShape, maxRecordBytes: number): ReferenceRecord[] {
  const text = content.toString('latin1')
  const delimiter = escaped(shape.delimiter)
  const plain = `[^${delimiter}\\r\\n]*`
  const crEnds = shape.crEndsRecords ?? true
  const lineBreak = crEnds ? '\\r\\n|\\r|\\n' : '\\r\\n|\\n|\\r$'
  const quote = shape.quote === null ? '' : escaped(shape.quote)
  const quoted = `${quote}(?:[^${quote}]|${quote}${quote})*${quote}`
  const field = quote === '' ? plain : `(?:${quoted}|(?!${quote})${plain})`
  const record = new RegExp(`${field}(?:${delimiter}${field})*(?=${lineBreak}|$)`, 'y')
  const fieldAndNext = new RegExp(`(${field})(${delimiter}|$)`, 'y')
  const found: ReferenceRecord[] = []
  for (let at = 0; at < text.length; ) {
    const lineEnd = new RegExp(lineBreak, 'y')
    lineEnd.lastIndex = at
    if (lineEnd.test(text)) {
      at = lineEnd.lastIndex
      continue
    }
    record.lastIndex = at
    let raw = record.exec(text)?.[0]
    const fields = raw === undefined ? [] : fieldsOf(raw, fieldAndNext, shape.quote)
    const isGood =
      raw !== undefined &&
      fields.length === shape.fields &&
      raw.length <= maxRecordBytes &&
      !raw.includes('\0') &&
      isUtf8(Buffer.from(raw, 'latin1'))
    if (raw === undefined || !isGood) raw = text.slice(at).split(new RegExp(lineBreak), 1)[0]!
    const line = text.slice(0, at).split(new RegExp(crEnds ? lineBreak : '\\n')).length
    found.push({ record: found.length + 1, line, byteOffset: at, raw, ...(isGood ? { fields } : {}) })
    at += raw.length
    lineEnd.lastIndex = at
    if (lineEnd.test(text)) at = lineEnd.lastIndex
  }
  return found
}

function fieldsOf(raw: string, fieldAndNext: RegExp, quoteByte: number | null): (string | null)[] {
  const quote = quoteByte === null ? null : String.fromCharCode(quoteByte)
  const fields: (string | null)[] = []
  fieldAndNext.lastIndex = 0
  for (;;) {
    const [, field = '', next] = fieldAndNext.exec(raw)!
    const value =
      quote !== null && field.startsWith(quote) ? field.slice(1, -1).replaceAll(quote + quote, quote) : field || null
    fields.push(value === null ? null : Buffer.from(value, 'latin1').toString())
    if (next === '') return fields
  }
}
