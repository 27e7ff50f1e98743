/**
 * How a chunk is staged: text columns, which take anything, or columns of the types that the fields will have, which
 * saves a pass over every value but ends the whole COPY at the first one that does not fit. A chunk is staged typed
 * first, and as text when that failed.
 */

import { limits } from '../../core/event.js'
import type { Mapping } from '../mapping/mapping.js'
import type { TimeFormat } from '../mapping/time-format.js'
import type { Chunk, Shape } from '../split/chunk.js'

export type ColumnType = 'text' | 'uuid' | 'timestamptz' | 'jsonb'

export interface StagingLayout {
  /** CSV fields, or one JSON document per row. */
  readonly kind: 'fields' | 'document'
  readonly columns: number
  /** The types of the columns that are not text, by index from 0. */
  readonly types: ReadonlyMap<number, ColumnType>
  /** Any value is staged, and each is asked whether it can be cast. */
  readonly strict: boolean
  /** No text of a field can hold a control character: the splitter has seen all of them. */
  readonly plainTexts: boolean
}

/** The type of a column. */
export function typeOf(layout: StagingLayout, index: number | null | undefined): ColumnType {
  return (index === null || index === undefined ? undefined : layout.types.get(index)) ?? 'text'
}

/**
 * The fastest layout that a chunk allows.
 *
 * @param strict whether a value that cannot be cast is to be expected
 */
export function stagingLayoutOf(
  chunk: Pick<Chunk, 'longestRecord' | 'plainTimes' | 'plainTexts'>,
  shape: Shape,
  mapping: Mapping,
  timeFormat: TimeFormat,
  strict: boolean,
): StagingLayout {
  const kind = shape.kind === 'delimited' ? 'fields' : 'document'
  const columns = shape.kind === 'delimited' ? shape.fields : 1
  // The limit on properties is one on their text: in a chunk of short records none can break it.
  if (strict || chunk.longestRecord > limits.propertiesMaxBytes) {
    return { kind, columns, types: new Map(), strict: true, plainTexts: false }
  }
  const types = new Map<number, ColumnType>()
  if (kind === 'document') types.set(0, 'jsonb')
  else {
    const only = (sources: readonly { readonly index: number | null }[], type: ColumnType) => {
      const index = sources.length === 1 ? sources[0]!.index : null
      if (index !== null && uses(mapping, index) === 1) types.set(index, type)
    }
    if (mapping.idFrom === null) only(mapping.fields.event_id, 'uuid')
    if (chunk.plainTimes && (timeFormat.kind === 'auto' || timeFormat.kind === 'iso')) {
      only(mapping.fields.occurred_at, 'timestamptz')
    }
    only(mapping.properties, 'jsonb')
  }
  return { kind, columns, types, strict: false, plainTexts: chunk.plainTexts && !hasTextInJson(shape) }
}

/** Whether a text comes from the column of the properties: there the splitter looked for depth, not at the text. */
function hasTextInJson(shape: Shape): boolean {
  return shape.kind === 'delimited' && shape.jsonField !== null && (shape.textFields ?? []).includes(shape.jsonField)
}

/** How often a column is read: one that is read twice must stay what it is. */
function uses(mapping: Mapping, index: number): number {
  const sources = [
    ...Object.values(mapping.fields).flat(),
    ...mapping.properties,
    ...(mapping.unmapped === 'rest' ? [] : mapping.unmapped),
    ...(mapping.idFrom === '*' || mapping.idFrom === null ? [] : mapping.idFrom),
  ]
  return sources.filter((source) => source.index === index).length + (mapping.idFrom === '*' ? 1 : 0)
}
