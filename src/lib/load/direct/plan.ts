/** Which sources the kernel can read, and what it must know of them. */

import { isName } from '../mapping/expression.js'
import type { Mapping } from '../mapping/mapping.js'
import { isWhole, type SourceExpression, type SourceRef } from '../mapping/source-ref.js'
import type { Shape } from '../split/chunk.js'
import type { ValidationRules } from '../sql/validation-sql.js'

interface PlanLimits {
  readonly maxRecordBytes: number
  /** The latest time of an event, in microseconds since 2000. */
  readonly latestMicros: bigint
  /** Whether a time without an offset is one of UTC. */
  readonly isUtc: boolean
}

/** How the kernel reads a source. */
export type DirectPlan = PlanLimits &
  (
    | {
        readonly kind: 'delimited'
        readonly delimiter: number
        readonly quote: number | null
        /** What each column is: 0 for nothing, 1 to 5 for the fields of an event in their order. */
        readonly roles: Uint8Array
      }
    | {
        readonly kind: 'lines'
        /** The keys of the fields of an event, in their order, as JSON has them. */
        readonly names: readonly Buffer[]
      }
  )

/** 2000-01-01, in milliseconds since 1970. */
const year2000 = 946_684_800_000
const longestName = 60

/**
 * The plan for a source whose mapping is nothing but columns or keys; undefined for any other.
 *
 * @param timezone what a time without an offset means
 * @param maxRecordBytes the longest record
 */
export function directPlanOf(
  shape: Shape,
  { mapping, timeFormat, latest }: ValidationRules,
  timezone: string,
  maxRecordBytes: number,
): DirectPlan | undefined {
  if (!['auto', 'wide', 'iso'].includes(timeFormat.kind)) return undefined
  if (mapping.idFrom !== null || mapping.nulls !== undefined || mapping.dropped !== undefined) return undefined
  if (mapping.ownKeys !== undefined || mapping.types !== undefined) return undefined
  const limits: PlanLimits = {
    maxRecordBytes,
    latestMicros: BigInt(latest.getTime() - year2000) * 1000n,
    isUtc: timezone === 'UTC',
  }
  if (shape.kind === 'delimited') {
    const roles = rolesOf(mapping, shape.fields)
    const isUsual = !shape.isText && shape.comment === undefined && (shape.escape ?? shape.quote) === shape.quote
    if (!roles || !isUsual) return undefined
    return { kind: 'delimited', delimiter: shape.delimiter, quote: shape.quote, roles, ...limits }
  }
  const names = shape.kind === 'lines' ? namesOf(mapping) : undefined
  return names && { kind: 'lines', names, ...limits }
}

const sourcesOf = ({ fields, properties }: Mapping): (readonly SourceExpression[])[] => [
  fields.event_id,
  fields.occurred_at,
  fields.user_id,
  fields.event_type,
  properties,
]

const isPlain = (source: SourceExpression): source is SourceRef => isName(source) && isWhole(source)

/** Each column has one use at most, and none is left over. */
function rolesOf(mapping: Mapping, fields: number): Uint8Array | undefined {
  if (mapping.unmapped === 'rest' || mapping.unmapped.length > 0) return undefined
  const roles = new Uint8Array(fields)
  for (const [index, sources] of sourcesOf(mapping).entries()) {
    const [source, ...others] = sources
    if (source === undefined && index === 4) continue
    if (source === undefined || others.length > 0 || !isPlain(source)) return undefined
    if (source.index === null || roles[source.index] !== 0) return undefined
    roles[source.index] = index + 1
  }
  return roles
}

/** The first key of each field: a record that has another one is left to PostgreSQL. */
function namesOf(mapping: Mapping): Buffer[] | undefined {
  if (mapping.unmapped !== 'rest') return undefined
  const names: Buffer[] = []
  for (const sources of sourcesOf(mapping)) {
    if (!sources.every(isPlain)) return undefined
    const [source] = sources
    if (source === undefined) return undefined
    const key = JSON.stringify(source.name).slice(1, -1)
    const name = Buffer.from(key)
    if (name.length > longestName || key.includes('\\') || names.some((other) => other.equals(name))) return undefined
    names.push(name)
  }
  return names
}
