/**
 * Of several sources of a field the first that is set is chosen. The others say something, too: one that is set and was
 * not chosen becomes a property under its own name, so nothing that a record has is dropped. SQL for given.ts.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Mapping, SourceRef } from './mapping.js'

/** Reads sources of a document. */
export interface MemberReader {
  /** The text of a member that can be a field; null when it cannot. */
  readonly scalar: (source: SourceRef) => RawBuilder<unknown>
  /** Any member as jsonb. */
  readonly member: (source: SourceRef) => RawBuilder<unknown>
  readonly array: (texts: readonly string[]) => RawBuilder<string[]>
}

const isKey = (source: SourceRef) => (source.path?.length ?? 1) === 1
const topLevelNames = (sources: readonly SourceRef[]) => sources.filter(isKey).map(({ name }) => name)

/** The top-level keys of a document that became fields or explicit properties, or say nothing: text[]. */
export function takenKeys(mapping: Mapping, document: RawBuilder<unknown>, read: MemberReader): RawBuilder<string[]> {
  const scalars = Object.values(mapping.fields)
  const all = [...scalars, mapping.properties]
  const every = [...new Set([...topLevelNames(all.flat()), ...(mapping.ownKeys ?? [])])]
  const others = [...new Set(all.flatMap((sources) => topLevelNames(sources.slice(1))))]
  const asked = others.filter((name) => !(mapping.ownKeys ?? []).includes(name))
  if (asked.length === 0) return read.array(every)
  const alone = [...topLevelNames(all.filter((sources) => sources.length === 1).flat()), ...(mapping.ownKeys ?? [])]
  const isText = (source: SourceRef) => sql`nullif(${read.scalar(source)}, '') IS NOT NULL`
  const isThere = (source: SourceRef) => sql`nullif(${read.member(source)}, 'null') IS NOT NULL`
  const taken = [
    ...scalars.flatMap((sources) => takenOf(sources, isText, read)),
    ...takenOf(mapping.properties, isThere, read),
  ]
  // Most records have none of the others, and there is nothing to choose.
  return sql`CASE WHEN ${document} ?| ${read.array(asked)}
    THEN ${read.array(alone)} || array_remove(ARRAY[${sql.join(taken)}], NULL) ELSE ${read.array(every)} END`
}

/** For each source of a field that has several: its key, unless it is set and not the one that is chosen. */
function takenOf(
  sources: readonly SourceRef[],
  isUsable: (source: SourceRef) => RawBuilder<unknown>,
  read: MemberReader,
): RawBuilder<unknown>[] {
  if (sources.length < 2) return []
  return sources.flatMap((source, index) => {
    if (!isKey(source)) return []
    const earlier = sources.slice(0, index).map(isUsable)
    const isFirst = earlier.length === 0 ? sql`true` : sql`NOT (${sql.join(earlier, sql` OR `)})`
    return [
      sql`CASE WHEN coalesce(${read.member(source)}, 'null') IN ('null', '""') OR (${isUsable(source)} AND ${isFirst})
        THEN ${sql.lit(source.name)} END`,
    ]
  })
}

/** A column of a CSV that becomes a property, with its text; null where it does not. */
export interface KeptColumn {
  readonly name: string
  readonly value: RawBuilder<unknown>
}

/** The columns that are a second source or a later one, and no other field's first. */
export function keptColumns(mapping: Mapping, read: (source: SourceRef) => RawBuilder<unknown>): KeptColumn[] {
  const all = [...Object.values(mapping.fields), mapping.properties].filter((sources) => sources.length > 0)
  const firsts = new Set(all.map((sources) => sources[0]!.index))
  const earlierOf = new Map<SourceRef['index'], { source: SourceRef; earlier: RawBuilder<unknown>[] }>()
  for (const sources of all) {
    for (const [at, source] of sources.entries()) {
      if (firsts.has(source.index)) continue
      const isPassedOver = sql`coalesce(${sql.join(sources.slice(0, at).map((one) => sql`nullif(${read(one)}, '')`))}) IS NOT NULL`
      const found = earlierOf.get(source.index) ?? { source, earlier: [] }
      found.earlier.push(isPassedOver)
      earlierOf.set(source.index, found)
    }
  }
  return [...earlierOf.values()].map(({ source, earlier }) => ({
    name: source.name,
    value: sql`CASE WHEN ${sql.join(earlier, sql` AND `)} THEN nullif(${read(source)}, '') END`,
  }))
}
