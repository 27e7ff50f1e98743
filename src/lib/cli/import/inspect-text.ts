/** What `ea inspect` tells of a source: in lines for a person, as an object for a program. */

import { rejectCodes } from '../../core/event.js'
import type { Column } from '../../core/result.js'
import type { InspectedRecord, Inspection } from '../../import/inspect.js'
import { isName, keepsRest, renamed } from '../../load/mapping/expression.js'
import { formatExpression, shellQuoted } from '../../load/mapping/map-parser.js'
import { alternativesOf, takenNames } from '../../load/mapping/mapping.js'
import { mappedFields, type SourceExpression, sourceName } from '../../load/mapping/source-ref.js'
import { formatTimeFormat } from '../../load/mapping/time-format.js'
import { human, visible } from '../../present/tables/cell-text.js'
import type { RenderOptions } from '../../present/tables/formats.js'
import { table } from '../../present/tables/table.js'
import { nameOf } from './import-text.js'
import { eventsJson, eventsText, profileJson, profileTable } from './profile-text.js'

/** An inspection with the names of the JSON; the error that stopped it stands beside it. */
export function inspectionJson(found: Inspection): Record<string, unknown> {
  const { dialect, mapping, times } = found
  const names = (refs: readonly SourceExpression[]) => refs.map(refText)
  return {
    file: found.file,
    source: found.kind,
    bytes: found.diskBytes,
    compression: found.compression,
    encoding: found.encoding,
    format: dialect && {
      name: dialect.format,
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      columns: dialect.columns,
      keys: dialect.keys,
      line_end: dialect.lineEnd,
      header_lines: dialect.headerLines,
      empty: dialect.empty,
    },
    why: found.why,
    mapping: mapping && {
      ...Object.fromEntries(mappedFields.map((field) => [field, names(mapping.fields[field])])),
      properties: names(mapping.properties),
      unmapped: unmappedNames(found),
      id_from: mapping.idFrom === null || mapping.idFrom === '*' ? mapping.idFrom : names(mapping.idFrom),
    },
    times: {
      timezone: found.timezone,
      time_format: formatTimeFormat(found.timeFormat),
      looks_like: times?.format ? formatTimeFormat(times.format) : null,
      why: times?.why ?? null,
    },
    profile: found.profile && profileJson(found.profile),
    records: found.records.map(recordJson),
    events: found.events && eventsJson(found.events),
    warnings: found.warnings,
    advice: found.advice,
    proposal: found.proposal && {
      command: commandOf(found),
      preset: found.proposal.preset?.name ?? null,
      events: eventsJson(found.proposal.events),
      time_formats: found.proposal.timeFormats,
      warnings: found.proposal.warnings,
    },
  }
}

function recordJson({ eventId, occurredAt, userId, eventType, properties, raw, ...place }: InspectedRecord) {
  const event = {
    event_id: eventId,
    occurred_at: occurredAt,
    user_id: userId,
    event_type: eventType,
    properties: properties === null ? null : (JSON.parse(properties) as unknown),
  }
  return { ...place, ...event, text: raw.toString('utf8') }
}

/** Columns or keys that become properties under their own names. */
function unmappedNames({ mapping, dialect }: Inspection): string[] {
  if (!mapping) return []
  if (mapping.unmapped !== 'rest') return mapping.unmapped.map(({ name }) => name)
  const used = new Set(
    [...alternativesOf(mapping).flatMap(takenNames), ...(mapping.dropped ?? [])].map(({ name }) => name),
  )
  if (!keepsRest(mapping.properties)) return []
  return (dialect?.keys ?? []).filter((key) => !used.has(key))
}

/** A name as it is, anything else as it is written in `--map`. */
const refText = (source: SourceExpression) =>
  isName(source) && !source.path ? source.name : formatExpression(renamed(source, sourceName))

/** The whole command that imports a file. */
function commandOf({ given, proposal }: Pick<Inspection, 'given' | 'proposal'>): string {
  return `ea import ${given === '-' ? '-' : shellQuoted(given)}${proposal?.flags ?? ''}`
}

/** The command that works, and what else there is to know about it. */
function proposalLines(found: Inspection): string[] {
  const { proposal } = found
  if (!proposal) return []
  const { preset, timeFormats, isAsGiven, events } = proposal
  const said = new Set(found.warnings)
  return [
    '',
    ...(preset ? [`It looks like an export of a known tool: ${visible(preset.about)}`] : []),
    ...(isAsGiven ? [] : [`Read like this: ${eventsText(events)}`]),
    `To import it: ${visible(commandOf(found))}`,
    ...(timeFormats.length > 1
      ? [`Its times can be read as ${timeFormats.join(' or as ')}: say which is right, with --time-format.`]
      : []),
    ...(isAsGiven ? [] : proposal.warnings.filter((one) => !said.has(one)).map((one) => `Note: ${visible(one)}`)),
  ]
}

/** An inspection in lines of `name  value`, the fields and the first records as tables. */
export function inspectionText(found: Inspection, options: RenderOptions): string {
  const pairs = [
    ...sourcePairs(found),
    ...formatPairs(found),
    ...mappingPairs(found),
    ...timePairs(found),
    ...eventPairs(found),
  ]
  const width = Math.max(...pairs.map(([name]) => name.length)) + 2
  const lines = pairs.map(([name, value]) => `${name.padEnd(width)}${value}`)
  if (found.profile && found.profile.fields.length > 0) lines.push('', profileTable(found.profile, options))
  if (found.dialect?.empty) lines.push('', 'It is empty: an import would store nothing.')
  else if (found.mapping && found.records.length === 0) lines.push('', 'It holds no records.')
  if (found.records.length > 0) lines.push('', recordsTable(found.records, options).trimEnd())
  const codes = [...new Set(found.records.flatMap(({ code }) => (code === null ? [] : [code])))]
  if (codes.length > 0) lines.push('', ...codes.map((code) => `${code}: ${rejectCodes[code]}`))
  for (const advice of found.advice) lines.push(`  - ${advice}`)
  if (found.warnings.length > 0) lines.push('', ...found.warnings.map((warning) => `Warning: ${visible(warning)}`))
  lines.push(...proposalLines(found))
  return lines.join('\n')
}

type Pair = readonly [string, string]

function sourcePairs({ file, kind, diskBytes, compression, encoding }: Inspection): Pair[] {
  const size = diskBytes === null ? (kind === 'file' ? '' : ', a stream') : `, ${human(diskBytes, 'bytes', true)}`
  return [['source', `${nameOf(file)}${size}, ${compression === 'none' ? 'not compressed' : compression}, ${encoding}`]]
}

function formatPairs({ dialect, why }: Inspection): Pair[] {
  const reasons: Pair[] = why.map((reason, index) => [index === 0 ? 'why' : '', visible(reason)])
  if (!dialect) return [['format', 'not recognised'], ...reasons]
  const { format, delimiter, quote, lineEnd, columns, keys } = dialect
  const csv = delimiter === null ? '' : `, delimiter ${JSON.stringify(delimiter)}, quote ${quote ?? 'none'}`
  const names = columns ?? keys
  return [
    ['format', `${format}${csv}, line ends ${lineEnd}`],
    ...reasons,
    ...(names.length > 0 ? ([[columns ? 'columns' : 'keys', visible(names.join(', '))]] as const) : []),
  ]
}

function mappingPairs(found: Inspection): Pair[] {
  const { mapping } = found
  if (!mapping || found.dialect?.empty) return []
  const from = (refs: readonly SourceExpression[]) => visible(refs.map(refText).join(' | '))
  const derived = mapping.idFrom === '*' ? 'the whole record' : mapping.idFrom?.map(refText).join(', ')
  const others = unmappedNames(found).map(visible)
  const rest = mapping.unmapped === 'rest' && keepsRest(mapping.properties) ? ['every other key'] : []
  const properties = [
    ...(mapping.properties.length > 0 ? [from(mapping.properties)] : []),
    ...(others.length > 0 ? [others.join(', ')] : rest),
  ]
  return [
    ...mappedFields.map(
      (field): Pair => [
        field,
        field === 'event_id' && derived !== undefined
          ? `derived from ${visible(derived)}`
          : `from ${from(mapping.fields[field])}`,
      ],
    ),
    ['properties', properties.length > 0 ? `from ${properties.join(' and ')}` : 'none'],
  ]
}

function timePairs({ times, timeFormat, timezone, mapping, dialect }: Inspection): Pair[] {
  if (!mapping || dialect?.empty) return []
  const zone = `without an offset they are in ${timezone}`
  if (!times) return [['times', `${formatTimeFormat(timeFormat)}; ${zone}`]]
  const pairs: Pair[] = [['times', `${visible(times.why)}; ${zone}`]]
  if (timeFormat.kind === 'auto' && times.format?.kind === 'pattern') {
    pairs.push(['', `say so: --time-format "${times.format.pattern}"`])
  }
  return pairs
}

const eventPairs = ({ events }: Inspection): Pair[] =>
  events && events.records > 0 ? [['events', eventsText(events)]] : []

const recordColumns: readonly Column[] = [
  { name: 'record', kind: 'text' },
  { name: 'line', kind: 'text' },
  { name: 'reject', kind: 'text' },
  { name: 'event_id', kind: 'text' },
  { name: 'occurred_at', kind: 'text' },
  { name: 'user_id', kind: 'text' },
  { name: 'event_type', kind: 'text' },
  { name: 'properties', kind: 'text' },
]

function recordsTable(records: readonly InspectedRecord[], options: RenderOptions): string {
  const data = records.map((record) => ({
    record: record.record,
    line: record.line,
    event_id: record.eventId,
    occurred_at: record.occurredAt,
    reject: record.code === null ? null : `${record.code}${record.detail === null ? '' : ` (${record.detail})`}`,
    user_id: record.userId,
    event_type: record.eventType,
    properties: record.properties,
  }))
  return table({ metric: 'records', columns: recordColumns, data, meta: {} }, options)
}
