/** Guesses which column somebody meant: by names that others use for the same thing, then by the fewest typos. */

type GuessedField = 'event_id' | 'occurred_at' | 'user_id' | 'event_type'

// What the exports of other tools call it, the likeliest first; compared without case and punctuation.
const otherNames: Readonly<Record<GuessedField, readonly string[]>> = {
  event_id: ['eventid', 'eventuuid', 'uuid', 'insertid', 'messageid', 'guid', 'id'],
  occurred_at: [
    'occurredat',
    'eventtime',
    'timestamp',
    'eventtimestamp',
    'ts',
    'time',
    'datetime',
    'createdat',
    'date',
  ],
  user_id: ['userid', 'uid', 'user', 'distinctid', 'customerid', 'visitorid', 'clientid', 'accountid', 'anonymousid'],
  event_type: ['eventtype', 'eventname', 'event', 'name', 'type', 'action', 'activity'],
}

/** A name without case and punctuation. */
export const bare = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')

/**
 * The column that most likely holds a field, or null.
 *
 * @example
 * guessColumn('occurred_at', ['uuid', 'event_time']) // 'event_time'
 */
export function guessColumn(field: GuessedField, columns: readonly string[]): string | null {
  return guessColumns([field], columns).get(field) ?? null
}

/**
 * The same for several fields: no column is proposed for two of them, and one that is known by its name goes first.
 *
 * @param fits whether the values of a column can be those of a field
 */
export function guessColumns(
  fields: readonly GuessedField[],
  columns: readonly string[],
  fits: (field: GuessedField, column: string) => boolean = () => true,
): ReadonlyMap<GuessedField, string> {
  const guesses = new Map<GuessedField, string>()
  const free = new Set(columns)
  const take = (field: GuessedField, column: string | null | undefined) => {
    if (column === null || column === undefined || guesses.has(field)) return
    guesses.set(field, column)
    free.delete(column)
  }
  for (const field of fields) {
    for (const other of otherNames[field]) {
      take(
        field,
        [...free].find((column) => bare(column) === other && fits(field, column)),
      )
    }
  }
  const fitting = (field: GuessedField) => [...free].filter((column) => fits(field, column))
  for (const field of fields) take(field, nearest(field, fitting(field)))
  return guesses
}

/** The column that differs by the fewest typos, at most a third of the name; null when none is near. */
export function nearest(name: string, columns: readonly string[]): string | null {
  const wanted = bare(name)
  let best: string | null = null
  let bestTypos = Math.floor(wanted.length / 3) + 1
  for (const column of columns) {
    const typos = typosBetween(wanted, bare(column))
    if (typos < bestTypos) {
      best = column
      bestTypos = typos
    }
  }
  return best
}

/** Levenshtein's distance, one row at a time. */
function typosBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

/** As PostgreSQL reads it: with or without hyphens and braces. */
const uuid = /^\{?(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}\}?$/i

/** What the values of a column or key can be: without any, its name decides. */
export function looksLikeIds(values: readonly unknown[]): { readonly uuids: boolean; readonly distinct: boolean } {
  const set = values.filter((value) => value !== undefined && value !== null && value !== '')
  const uuids = set.filter((value) => typeof value === 'string' && uuid.test(value)).length
  return { uuids: 2 * uuids >= set.length, distinct: set.length > 0 && new Set(set).size === values.length }
}
