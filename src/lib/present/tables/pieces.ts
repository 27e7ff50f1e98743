/** Text that comes piece by piece: who writes a large answer can do other things between two pieces. */

/** About so long is a piece: some milliseconds of work. */
const pieceChars = 64 * 1024

/** Joins short texts to pieces. */
export function* gathered(texts: Iterable<string>): Generator<string> {
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < pieceChars) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}
