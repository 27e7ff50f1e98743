/** What is in the first records of a source, before and after the mapping: for a person, and for a program. */
import type { Column } from '../../core/result.js'
import type { EventsProfile, FieldProfile, HeadProfile } from '../../import/inspect.js'
import { counted, visible } from '../../present/tables/cell-text.js'
import type { RenderOptions } from '../../present/tables/formats.js'
import { table } from '../../present/tables/table.js'

/** The fields with the names of the JSON. */
export const profileJson = ({ records, fields }: HeadProfile) => ({
  records,
  fields: fields.map(({ hasMoreValues, ...field }) => ({ ...field, has_more_values: hasMoreValues })),
})

/** The events with the names of the JSON. */
export const eventsJson = ({ repeatedIds, eventTypes, topEventTypes, first, last, ...counts }: EventsProfile) => ({
  ...counts,
  repeated_ids: repeatedIds,
  event_types: eventTypes,
  top_event_types: topEventTypes.map(({ eventType, events }) => ({ event_type: eventType, events })),
  first,
  last,
})

const columns: readonly Column[] = [
  { name: 'field', kind: 'text' },
  { name: 'kind', kind: 'text' },
  { name: 'share', kind: 'rate' },
  { name: 'values', kind: 'text' },
  { name: 'from', kind: 'text' },
  { name: 'to', kind: 'text' },
  { name: 'examples', kind: 'text' },
]

const shownMax = 60

/** The fields as a table; of very many the first. */
export function profileTable({ records, fields }: HeadProfile, options: RenderOptions): string {
  const data = fields.slice(0, shownMax).map((one: FieldProfile) => ({
    field: one.field,
    kind: one.kind,
    share: one.share,
    values: `${one.values}${one.hasMoreValues ? '+' : ''}`,
    from: one.min ?? one.first,
    to: one.max ?? one.last,
    examples: one.examples.join(', '),
  }))
  const left = fields.length - data.length
  return [
    records === 1 ? 'What is in the first record:' : `What is in the first ${records} records:`,
    table({ metric: 'fields', columns, data, meta: {} }, options).trimEnd(),
    ...(left > 0 ? [`${counted(left, 'more field')}: --json`] : []),
  ].join('\n')
}

/** `3 of 2 users and 2 types (login 2, view 1), from … to …, in the first 5 records; 2 rejected`. */
export function eventsText(found: EventsProfile): string {
  const { records, events, rejected, repeatedIds, users, eventTypes, topEventTypes, first, last } = found
  const names = topEventTypes.map((one) => `${visible(one.eventType)} ${one.events}`)
  const types = `${counted(eventTypes, 'type')} (${names.join(', ')}${eventTypes > names.length ? ', …' : ''})`
  const times = `from ${instantText(first)} to ${instantText(last)}`
  const of = events === 0 ? '0' : `${events} of ${counted(users, 'user')} and ${types}, ${times}`
  const others = [
    ...(rejected > 0 ? [`${rejected} rejected`] : []),
    ...(repeatedIds > 0 ? [`${repeatedIds} with the id of an earlier one`] : []),
  ]
  const where = records === 1 ? 'in the first record' : `in the first ${records} records`
  return [`${of}, ${where}`, ...others].join('; ')
}

/** Without zeros that say nothing. */
const instantText = (instant: string | null) => instant?.replace(/[.]?0+Z$/, 'Z') ?? '-'
