/** Rejects as rows, page by page: however many there are, memory holds one page of them. */
import type { Reject } from '../core/event.js'
import type { Result, Row } from '../core/result.js'
import { columnsOf } from '../core/row-schema.js'
import type { StreamedFormat } from '../present/tables/formats.js'
import { rejectSchema } from './batch.js'

const columns = columnsOf(rejectSchema)

/** A table for people shows so many characters of a record. */
const excerptMaxChars = 100
const rowsPerPage = 100

/**
 * A reject as a row; what is not UTF-8 in its text becomes U+FFFD. A record that was too long has no text: the part of it
 * that is kept could be taken for a record.
 */
function rejectRow({ record, line, byteOffset, code, detail, raw }: Reject): Row {
  const text = code === 'record_too_long' ? null : raw.toString('utf8')
  return { record, line, byte_offset: byteOffset, code, detail: detail ?? null, text }
}

/** Rejects as one Result, for tables: their texts are cut. */
export function rejectsResult(rejects: readonly Reject[], meta: Record<string, unknown>): Result {
  const data = rejects.map((reject) => {
    const text = reject.raw.toString('utf8')
    const isCut = text.length > excerptMaxChars || reject.code === 'record_too_long'
    return { ...rejectRow(reject), text: isCut ? `${text.slice(0, excerptMaxChars)}…` : text }
  })
  return { metric: 'rejects', columns, data, meta }
}

/**
 * Rejects as text in a format that can be written piece by piece.
 *
 * @param limit at most so many
 */
export async function* rejectsText(
  rejects: AsyncIterable<Reject>,
  format: StreamedFormat,
  limit: number,
  meta: Record<string, unknown>,
): AsyncGenerator<string> {
  const { render } = await import('../present/tables/render.js')
  const plain = { color: false, isTty: false, width: 0 }
  const renderPage = (data: readonly Row[]) => render({ metric: 'rejects', columns, data, meta: {} }, format, plain)
  let first = true
  if (format === 'json') yield '{\n  "metric": "rejects",\n  "data": ['
  else if (format === 'csv') yield renderPage([])
  for await (const data of pages(rejects, limit)) {
    if (format === 'json') {
      yield data.map((row, index) => `${first && index === 0 ? '' : ','}\n    ${JSON.stringify(row)}`).join('')
    } else {
      const text = await renderPage(data)
      // Each page is rendered with its header; it stands there already.
      yield format === 'csv' ? text.slice(text.indexOf('\r\n') + 2) : text
    }
    first = false
  }
  if (format === 'json') yield `${first ? '' : '\n  '}],\n  "meta": ${JSON.stringify(meta)}\n}\n`
}

async function* pages(rejects: AsyncIterable<Reject>, limit: number): AsyncGenerator<Row[]> {
  let page: Row[] = []
  let count = 0
  for await (const reject of rejects) {
    if (count >= limit) break
    count += 1
    page.push(rejectRow(reject))
    if (page.length < rowsPerPage) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
