/**
 * How many columns of a terminal a text takes, and what follows from it: cutting and wrapping. Emoji and CJK take two
 * columns, combining marks none; a text is only ever cut between what a reader sees as characters.
 */
import stringWidth from 'string-width'

const graphemes = new Intl.Segmenter()

/** Whether each UTF-16 unit is one column: printable ASCII. */
export function isAscii(text: string): boolean {
  return /^[\u0020-\u007e]*$/.test(text)
}

// Fitting a table asks for the same widths several times, and finding one takes a microsecond a character.
const known = new Map<string, number>()
const knownMax = 200_000

/** Columns of a text without escape sequences. */
export function textWidth(text: string): number {
  if (isAscii(text)) return text.length
  const found = known.get(text) ?? stringWidth(text)
  if (known.size >= knownMax) known.clear()
  known.set(text, found)
  return found
}

/**
 * The beginning of a text that fits, closed by `ellipsis` when something is missing.
 *
 * @param widthColumns at least the width of the ellipsis
 */
export function cutTo(text: string, widthColumns: number, ellipsis: string): string {
  // Each UTF-16 unit is at most two columns, so a short text needs no measuring.
  if (text.length * 2 <= widthColumns || textWidth(text) <= widthColumns) return text
  const room = widthColumns - textWidth(ellipsis)
  let kept = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const columns = textWidth(segment)
    if (used + columns > room) break
    kept += segment
    used += columns
  }
  return kept + ellipsis
}

/** A sentence in lines of at most `widthColumns`, broken at spaces; a longer word is broken inside. */
export function wrapped(text: string, widthColumns: number): string[] {
  const words = text.split(' ').flatMap((word) => pieces(word, widthColumns))
  return packed(words, ' ', widthColumns)
}

/** Parts in lines, as many on each as fit with `separator` between them; a part that is too wide stands alone. */
export function packed(parts: readonly string[], separator: string, widthColumns: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const last = lines.at(-1)
    const longer = last === undefined ? part : last + separator + part
    if (last !== undefined && textWidth(longer) <= widthColumns) lines[lines.length - 1] = longer
    else lines.push(part)
  }
  return lines
}

function pieces(word: string, widthColumns: number): string[] {
  if (textWidth(word) <= widthColumns) return [word]
  const found = ['']
  for (const { segment } of graphemes.segment(word)) {
    const last = found.length - 1
    if (found[last] !== '' && textWidth(found[last]! + segment) > widthColumns) found.push(segment)
    else found[last] += segment
  }
  return found
}
