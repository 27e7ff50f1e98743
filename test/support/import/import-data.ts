/**
 * Records for tests of imports: CSV files made from a seed, with what the file system says about them, and the model of
 * what importing them must store.
 */
import { writeFileSync } from 'node:fs'
import { Random } from '../../../src/lib/generate/random.js'

/** An event, or with `broken` a record that is rejected (all are rejected by the merge, not by the splitter). */
export interface GivenRecord {
  readonly id: number
  /** Tells contents of one id apart. */
  readonly content: number
  readonly broken?: boolean
}

export const uuidOf = (id: number) => `00000000-0000-4000-8000-${id.toString(16).padStart(12, '0')}`

/** The stored form of an event as `visibleEvents` gives it. */
export function eventOf({ id, content }: GivenRecord): {
  id: string
  at: string
  user: string
  type: string
  content: number
} {
  const day = 1 + ((content * 7 + id) % 27)
  return {
    id: uuidOf(id),
    at: `2025-03-${String(day).padStart(2, '0')}T${String(content % 24).padStart(2, '0')}:00:00Z`,
    user: `u${(id + content) % 11}`,
    type: ['view', 'click', 'purchase'][content % 3]!,
    content,
  }
}

/** A CSV file with these records. */
function csvOf(records: readonly GivenRecord[]): string {
  const lines = records.map((record) => {
    const { id, at, user, type, content } = eventOf(record)
    return `${id},${record.broken ? 'yesterday' : at},${user},${type},"{""content"": ${content}}"`
  })
  return `${['event_id,occurred_at,user_id,event_type,properties', ...lines].join('\n')}\n`
}

/** Writes a CSV file with these records and gives its path. */
export function writeCsv(path: string, records: readonly GivenRecord[]): string {
  writeFileSync(path, csvOf(records))
  return path
}

export interface RecordsPlan {
  readonly count: number
  /** Ids are drawn from [from, to). */
  readonly ids: readonly [number, number]
  /** Percent of the records that repeat an id of this very list, with another content. */
  readonly repeats?: number
  /** Percent of the records that are no events. */
  readonly broken?: number
}

/** Records from a seed; each has another content. */
export function records(seed: number, { count, ids: [from, to], repeats = 0, broken = 0 }: RecordsPlan): GivenRecord[] {
  const random = new Random(seed, 7)
  const made: GivenRecord[] = []
  for (let index = 0; index < count; index++) {
    const again = made.length > 0 && random.below(100) < repeats
    const id = again ? made[random.below(made.length)]!.id : from + random.below(to - from)
    made.push({ id, content: index + seed * 1000, ...(random.below(100) < broken && { broken: true }) })
  }
  return made
}

/** Shuffles by a seed. */
export function shuffled<T>(seed: number, items: readonly T[]): T[] {
  const random = new Random(seed, 11)
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    ;[result[last], result[other]] = [result[other]!, result[last]!]
  }
  return result
}
