/**
 * Lines of JSON that are in memory as a whole, such as a request, as rows. They are read, sorted and written in pieces, between
 * which others have their turn.
 */
import { setImmediate } from 'node:timers/promises'
import type { Rows } from '../split/chunk.js'
import { giveUpKernel, theKernel } from './kernel.js'
import type { DirectPlan } from './plan.js'

/** What the kernel works on at once: about 10 ms. Rows are sorted within it, so that neighbours in the index are met together. */
const pieceBytes = 2 * 1024 * 1024
const lf = 0x0a

/**
 * The rows of lines for `events`, whose batch is still 0 (`inBatch`).
 *
 * @param data what COPY would get: the lines, in pieces of any length
 * @param count how many lines there are
 * @returns undefined when one of them is not plain, or this process has no kernel
 */
export async function plainRows(plan: DirectPlan, data: Iterable<Buffer>, count: number): Promise<Rows[] | undefined> {
  const pieces: Rows[] = []
  let lines = 0
  for (const piece of wholeLines(data)) {
    const rows = rowsOf(plan, piece)
    if (rows === undefined) return undefined
    pieces.push(rows)
    lines += rows.count
    await setImmediate()
  }
  return lines === count ? pieces : undefined
}

/** Pieces of about `pieceBytes` that end with a line, except the last one. */
function* wholeLines(data: Iterable<Buffer>): Generator<Buffer> {
  let held: Buffer[] = []
  let bytes = 0
  const hold = (part: Buffer) => {
    held.push(part)
    bytes += part.length
  }
  for (const part of data) {
    for (let at = 0; at < part.length; at += pieceBytes) {
      const slice = part.subarray(at, at + pieceBytes)
      const border = slice.lastIndexOf(lf) + 1
      hold(slice.subarray(0, border))
      if (border > 0 && bytes >= pieceBytes / 2) {
        yield Buffer.concat(held)
        held = []
        bytes = 0
      }
      hold(slice.subarray(border))
    }
  }
  if (bytes > 0) yield Buffer.concat(held)
}

function rowsOf(plan: DirectPlan, piece: Buffer): Rows | undefined {
  const kernel = theKernel()
  const end = piece.length
  try {
    const read = kernel?.read(plan, piece, { from: 0, end, target: end, most: Number.POSITIVE_INFINITY, isLast: true })
    if (kernel === undefined || read?.stop !== end) return undefined
    const repeats = kernel.sort()
    return { data: kernel.rows({ kind: 'events', batchId: 0 }), count: read.count, repeats }
  } catch (error) {
    giveUpKernel(error)
    return undefined
  }
}
