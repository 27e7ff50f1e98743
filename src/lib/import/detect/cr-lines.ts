/**
 * Whether a CR without LF ends records in a CSV, as in files of old Macs and in those that mix their line ends, or is a
 * stray byte of a field in a file whose lines end with LF or CRLF. The head of the content decides it for all of it, so
 * neither buffers nor chunks can change the answer.
 */
import { cr, lf } from '../../load/split/line-ends.js'

/** So much is looked at: less than what is always there before anything is consumed. */
const lookedAtBytes = 128 * 1024

/** What separates and what quotes fields, as bytes. */
interface Syntax {
  readonly delimiter: number
  readonly quote: number | null
}

/**
 * A CR ends records where the records after one are whole, as wide as the first, more often than not; also where no line
 * of the head ends otherwise. The rest of a field that a stray CR cuts in two is not as wide.
 *
 * @param head from the header on
 * @param atEnd whether that is all there is: otherwise its last line may be cut off
 */
export function crEndsRecords(head: Buffer, atEnd: boolean, syntax: Syntax): boolean {
  const looked = head.subarray(0, lookedAtBytes)
  if (!looked.includes(cr)) return false
  const isAll = atEnd && looked.length === head.length
  let width = 0
  let whole = 0
  let torn = 0
  let hasCr = false
  let hasLf = false
  let afterCr = false
  for (const { fields, end } of linesOf(looked, isAll, syntax)) {
    const isCut = end === 'head' && !isAll
    if (fields > 0 && width === 0) width = fields
    else if (fields > 0 && afterCr && !isCut) fields === width ? whole++ : torn++
    // A blank line between two records says nothing, but its line end does.
    afterCr = end === 'cr'
    hasCr ||= end === 'cr'
    hasLf ||= end === 'lf'
  }
  return whole > torn || (hasCr && !hasLf)
}

/** A line as far as a CR, an LF or the head goes; a blank one has no fields. */
interface Line {
  readonly fields: number
  readonly end: 'lf' | 'cr' | 'head'
}

function* linesOf(head: Buffer, isAll: boolean, { delimiter, quote }: Syntax): Generator<Line> {
  const isLineBreak = (byte: number | undefined) => byte === lf || byte === cr
  for (let i = 0; i < head.length; ) {
    const from = i
    let fields = 1
    for (; ; i++) {
      if (head[i] === quote) i = afterQuoted(head, i, quote!)
      while (i < head.length && head[i] !== delimiter && !isLineBreak(head[i])) i++
      if (head[i] !== delimiter) break
      fields++
    }
    const isCrlf = head[i] === cr && head[i + 1] === lf
    // At the end of what is looked at it may be half of a CRLF.
    const isUnknown = head[i] === cr && i + 1 === head.length && !isAll
    const end = i >= head.length || isUnknown ? 'head' : head[i] === lf || isCrlf ? 'lf' : 'cr'
    yield { fields: i === from ? 0 : fields, end }
    i += isCrlf ? 2 : 1
  }
}

/** The index after a quoted field; the end of the head when it is never closed. */
function afterQuoted(head: Buffer, open: number, quote: number): number {
  for (let i = open; ; ) {
    const close = head.indexOf(quote, i + 1)
    if (close === -1) return head.length
    if (head[close + 1] !== quote) return close + 1
    i = close + 1
  }
}
