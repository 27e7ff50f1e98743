/** The known word that a mistyped or a foreign one was most likely meant to be. */

// Comparing costs the product of the lengths, and nobody mistypes a word of this length.
const longestWord = 200

/** Edits between two words: insert, delete, replace, or swap two neighbours. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, replaced)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/**
 * The nearest known word, or undefined when none is near: at most a third of the letters may differ, of two or three
 * letters one.
 *
 * @example
 * nearest('fromat', ['format', 'from']) // 'format'
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > longestWord) return undefined
  const near = known
    .filter((candidate) => candidate.length <= longestWord)
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= mostEdits(Math.max(word.length, candidate.length)))
    .sort((a, b) => a.edits - b.edits)
  return near[0]?.candidate
}

/** One letter for another would be another word. */
function mostEdits(length: number): number {
  return length < 2 ? 0 : Math.max(1, Math.floor(length / 3))
}

/**
 * What people write for words, by what they write.
 *
 * @example
 * aliasesOf({ mean: 'avg average' }).get('avg') // 'mean'
 */
export function aliasesOf<W extends string>(aliases: Readonly<Partial<Record<W, string>>>): ReadonlyMap<string, W> {
  const words = Object.entries(aliases) as [W, string][]
  return new Map(words.flatMap(([word, texts]) => texts.split(' ').map((text) => [text, word] as const)))
}
