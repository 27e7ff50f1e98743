/**
 * How a chunk is staged: text columns, which take anything, or columns of the types that the fields will have, which
 * saves a pass over every value but ends the whole COPY at the first one that does not fit. A chunk is staged typed
 * first, and as text when that failed.
 */

import { limits } from '../../core/event.js'
import { allNames, isName } from '../mapping/expression.js'
import type { Mapping } from '../mapping/mapping.js'
import type { SourceExpression, SourceRef } from '../mapping/source-ref.js'
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

/** The type of the column that a source is. */
export function typeOf(layout: StagingLayout, source: SourceExpression | undefined): ColumnType {
  return (source !== undefined && isName(source) && isColumn(source) ? layout.types.get(source.index) : null) ?? 'text'
}

const isColumn = (source: SourceRef): source is SourceRef & { readonly index: number } =>
  source.index !== null && source.path === undefined

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
  // A text that means no value would end the COPY.
  else if (mapping.nulls === undefined) {
    const only = ([source, ...others]: readonly SourceExpression[], type: ColumnType) => {
      if (source === undefined || others.length > 0 || !isName(source) || !isColumn(source)) return
      if (uses(mapping, source.index) === 1) types.set(source.index, type)
    }
    if (mapping.idFrom === null) only(mapping.fields.event_id, 'uuid')
    if (chunk.plainTimes && ['auto', 'wide', 'iso'].includes(timeFormat.kind)) {
      only(mapping.fields.occurred_at, 'timestamptz')
    }
    only(mapping.properties, 'jsonb')
  }
  return {
    kind,
    columns,
    types,
    strict: false,
    plainTexts: chunk.plainTexts && !hasTextInJson(shape) && isPlain(mapping, kind),
  }
}

/** Whether a text comes from the column of the properties: there the splitter looked for depth, not at the text. */
function hasTextInJson(shape: Shape): boolean {
  return shape.kind === 'delimited' && shape.jsonField !== null && (shape.textFields ?? []).includes(shape.jsonField)
}

/** Whether short texts are what the splitter has seen: not what is made of them, nor what JSON in a column unescapes. */
function isPlain({ fields }: Mapping, kind: StagingLayout['kind']): boolean {
  return [...fields.user_id, ...fields.event_type].every(
    (source) => isName(source) && (kind === 'document' || isColumn(source)),
  )
}

/** How often a column is read: one that is read twice must stay what it is. */
function uses(mapping: Mapping, index: number): number {
  const expressions = [
    ...Object.values(mapping.fields).flat(),
    ...mapping.properties,
    ...(mapping.unmapped === 'rest' ? [] : mapping.unmapped),
    ...(mapping.idFrom === '*' || mapping.idFrom === null ? [] : mapping.idFrom),
  ]
  const sources = [...allNames<SourceRef>(expressions), ...(mapping.dropped ?? [])]
  return sources.filter((source) => source.index === index).length + (mapping.idFrom === '*' ? 1 : 0)
}
