/**
 * Of several sources of a field the first that is set is chosen. The others say something, too: one that is set and was
 * not chosen becomes a property under its own name, so nothing that a record has is dropped. SQL for mapping-sql.ts.
 */
import { type RawBuilder, sql } from 'kysely'
import { isName } from './expression.js'
import { type Alternatives, alternativesOf, type Mapping, takenNames } from './mapping.js'
import { isWhole, type SourceExpression, type SourceRef } from './source-ref.js'

/** Reads sources of a document. */
export interface MemberReader {
  /** The text of a source that can be a field; null when it cannot. */
  readonly scalar: (source: SourceExpression) => RawBuilder<unknown>
  /** Any source as jsonb. */
  readonly member: (source: SourceExpression) => RawBuilder<unknown>
  readonly array: (texts: readonly string[]) => RawBuilder<string[]>
}

const namesOf = (refs: readonly SourceRef[]) => refs.map(({ name }) => name)
const keysIn = (sources: readonly SourceExpression[]) => sources.filter(isName).filter(isWhole)

/** The top-level keys of a document that became fields or explicit properties, or say nothing: text[]. */
export function takenKeys(mapping: Mapping, document: RawBuilder<unknown>, read: MemberReader): RawBuilder<string[]> {
  const all = alternativesOf(mapping)
  const own = mapping.ownKeys ?? []
  const every = [...new Set([...namesOf(all.flatMap(takenNames)), ...own])]
  const others = [...new Set(all.flatMap(({ sources }) => namesOf(keysIn(sources.slice(1)))))]
  const asked = others.filter((name) => !own.includes(name))
  if (asked.length === 0) return read.array(every)
  // Where there is no choice, and where a source is made of several.
  const alone = all.flatMap((one) => {
    const choices: readonly SourceRef[] = one.sources.length > 1 ? keysIn(one.sources) : []
    return namesOf(takenNames(one).filter((taken) => !choices.includes(taken)))
  })
  const isText = (source: SourceExpression) => sql`nullif(${read.scalar(source)}, '') IS NOT NULL`
  const isThere = (source: SourceExpression) => sql`nullif(${read.member(source)}, 'null') IS NOT NULL`
  const taken = all.flatMap((one) => takenOf(one.sources, one.isOfProperties ? isThere : isText, read))
  // Most records have none of the others, and there is nothing to choose.
  return sql`CASE WHEN ${document} ?| ${read.array(asked)}
    THEN ${read.array([...alone, ...own])} || array_remove(ARRAY[${sql.join(taken)}], NULL) ELSE ${read.array(every)} END`
}

/** For each source of a field that has several: its key, unless it is set and not the one that is chosen. */
function takenOf(
  sources: readonly SourceExpression[],
  isUsable: (source: SourceExpression) => RawBuilder<unknown>,
  read: MemberReader,
): RawBuilder<unknown>[] {
  if (sources.length < 2) return []
  return sources.flatMap((source, index) => {
    if (!isName(source) || !isWhole(source)) return []
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
export function keptColumns(
  mapping: Mapping,
  read: (source: SourceExpression, of: Alternatives) => RawBuilder<unknown>,
): KeptColumn[] {
  const all = alternativesOf(mapping).filter(({ sources }) => sources.length > 0)
  const firsts = new Set(all.flatMap((one) => takenNames({ ...one, sources: one.sources.slice(0, 1) })).map(indexOf))
  const dropped = new Set(mapping.dropped?.filter(isWhole).map(indexOf))
  const earlierOf = new Map<SourceRef['index'], { source: SourceRef; earlier: RawBuilder<unknown>[] }>()
  for (const one of all) {
    for (const [at, source] of one.sources.entries()) {
      if (!isName(source) || !isWhole(source) || firsts.has(source.index) || dropped.has(source.index)) continue
      const before = one.sources.slice(0, at).map((other) => sql`nullif(${read(other, one)}, '')`)
      const isPassedOver = sql`coalesce(${sql.join(before)}) IS NOT NULL`
      const found = earlierOf.get(source.index) ?? { source, earlier: [] }
      found.earlier.push(isPassedOver)
      earlierOf.set(source.index, found)
    }
  }
  return [...earlierOf.values()].map(({ source, earlier }) => ({
    name: source.name,
    value: sql`CASE WHEN ${sql.join(earlier, sql` AND `)} THEN nullif(${read(source, all[0]!)}, '') END`,
  }))
}

const indexOf = ({ index }: SourceRef) => index
