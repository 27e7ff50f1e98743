/** Line ends: LF and CRLF end a line, also mixed in one file, and so does a CR alone where the shape says that it does. */

export const lf = 0x0a
export const cr = 0x0d

/** How good records end: bits, so that a chunk can tell which kinds it holds. */
export const endsWithLf = 1
export const endsWithCrlf = 2
export const endsWithCr = 4
/** Only the last record of a source. */
export const endsWithNothing = 8

/** The index of the first line break in `[from, end)`, or -1. */
function firstLineBreak(bytes: Buffer, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const byte = bytes[i]!
    if (byte === lf || byte === cr) return i
  }
  return -1
}

/**
 * Where a line ends, and whether that is sure: `stop` is the index of its line end, or of what is not read yet. A CR just
 * before `end` may be half of a CRLF.
 *
 * @param from a place in the line that nothing before it ends
 * @param crEnds whether a CR alone ends a line
 */
export function findLineEnd(
  bytes: Buffer,
  from: number,
  end: number,
  crEnds: boolean,
): { readonly stop: number; readonly isKnown: boolean } {
  if (crEnds) {
    const stop = firstLineBreak(bytes, from, end)
    return stop === -1 ? { stop: end, isKnown: false } : { stop, isKnown: bytes[stop] === lf || stop + 1 < end }
  }
  const found = bytes.indexOf(lf, from)
  const isKnown = found !== -1 && found < end
  const stop = isKnown ? found : end
  return { stop: bytes[stop - 1] === cr ? stop - 1 : stop, isKnown }
}

/** How many line ends `[from, to)` holds; CRLF is one, and a CR as its last byte is one. */
export function countLineEnds(bytes: Buffer, from: number, to: number): number {
  let count = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    if (byte === lf || (byte === cr && (i + 1 === to || bytes[i + 1] !== lf))) count++
  }
  return count
}
