/** Line ends: LF, CRLF and CR each end a line, also mixed in one file. */

export const lf = 0x0a
export const cr = 0x0d

/** How good records end: bits, so that a chunk can tell which kinds it holds. */
export const endsWithLf = 1
export const endsWithCrlf = 2
export const endsWithCr = 4
/** Only the last record of a source. */
export const endsWithNothing = 8

/** The index of the first line break in `[from, end)`, or -1. */
export function firstLineBreak(bytes: Buffer, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const byte = bytes[i]!
    if (byte === lf || byte === cr) return i
  }
  return -1
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
