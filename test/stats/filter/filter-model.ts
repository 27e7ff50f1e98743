/**
 * Segments by brute force, for the tests: random conditions and how they are written, random events, and whether a
 * condition holds for an event, told without SQL. A number keeps the digits of its JSON and of its text form apart.
 */
import fc from 'fast-check'
import type { Condition, Field, Operator, Selector } from '../../../src/lib/stats/filter/filter.js'

/** JSON as PostgreSQL stores it: numbers keep their digits, which a JavaScript number would not. */
export type Json =
  | null
  | boolean
  | string
  | { readonly json: string; readonly text: string }
  | readonly Json[]
  | Readonly<{ object: readonly (readonly [key: string, value: Json])[] }>

export interface ModelEvent {
  readonly user: string
  readonly type: string
  readonly properties: Json
}

/** Texts that would break something if they were ever taken for SQL, a pattern, a number or a part of the grammar. */
const hostileTexts = [
  '',
  ' ',
  'UA',
  'ua',
  'x and y',
  'a,b',
  'a[b]',
  ']',
  '"',
  '5"" screen',
  "'; DROP TABLE events; --",
  "'UA'",
  '%',
  '_',
  '\\',
  '\\"',
  '*',
  '$1',
  '{a,b}',
  'NULL',
  'null',
  'true',
  '{"a": 1}',
  '[1, 2]',
  '10',
  '10.0',
  '9',
  '-3',
  '007',
  '+5',
  '.5',
  '5.',
  '1e3',
  '1000',
  '0x1F',
  '1_000',
  'NaN',
  'Infinity',
  ' 10',
  '10\n',
  '١٢',
  '9'.repeat(300),
  '9'.repeat(1001),
  'ціна',
  '日本',
  '💥',
]
const keys = ['a', 'b', '$x', 'a.b', '', 'odd "key"', 'x and y', '0', '1', '-1', 'ціна', "'", '*']
const userIds = ['1', '10', '9', '-3', 'ann', "o'neil", '10.0', 'x and y', '9'.repeat(255)]
const eventTypes = ['view', 'buy', '10', 'signed up', 'a[b]', '"', '5" screen']

const number = fc.constantFrom(
  ...(
    [
      ['10', '10'],
      ['10.0', '10.0'],
      ['9', '9'],
      ['-3', '-3'],
      ['-0', '0'],
      ['1e3', '1000'],
      ['1.5E-2', '0.015'],
      ['123456789012345678901234567890.5', '123456789012345678901234567890.5'],
      ['1e2000', `1${'0'.repeat(2000)}`],
    ] as const
  ).map(([json, text]) => ({ json, text })),
)
const someText = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'grapheme', maxLength: 4 }).map(storable))
const someKey = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...keys) }, someText)

const { json: someJson } = fc.letrec<{ json: Json; object: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    { weight: 2, arbitrary: number },
    someText,
    fc.array(tie('json'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(someKey, tie('json')), { maxLength: 4, selector: ([key]) => key })
    .map((object) => ({ object })),
}))

export const someEvent: fc.Arbitrary<ModelEvent> = fc.record({
  user: fc.constantFrom(...userIds),
  type: fc.constantFrom(...eventTypes),
  properties: fc
    .uniqueArray(fc.tuple(someKey, someJson), { maxLength: 5, selector: ([key]) => key })
    .map((object) => ({ object })),
})

const someField: fc.Arbitrary<Field> = fc.oneof(fc.constantFrom<Field>({ kind: 'event_type' }, { kind: 'user_id' }), {
  weight: 4,
  arbitrary: fc
    .array(someKey, { minLength: 1, maxLength: 3, size: 'small' })
    .map((path): Field => ({ kind: 'property', path })),
})
const someValue = fc.oneof(
  someText,
  fc.constantFrom(...userIds, ...eventTypes),
  number.map(({ text }) => text),
)

const someOperator = fc.constantFrom<Operator>('=', '!=', '>', '>=', '<', '<=', '~', 'is set')
const someStyle = fc.record({ colon: fc.boolean(), quotes: fc.boolean(), blank: fc.constantFrom('', ' ', '\n  ') })
type Style = typeof someStyle extends fc.Arbitrary<infer T> ? T : never

function asked(field: Field, operator: Operator, several: readonly string[], style: Style): Condition {
  const isList = operator === '=' || operator === '!=' || operator === '~'
  const values = operator === 'is set' ? [] : isList ? several : several.slice(0, 1)
  return { field, operator, values, text: printCondition(field, operator, values, style) }
}

/** What a person can ask; the text is how the printer below writes it. */
export const someCondition: fc.Arbitrary<Condition> = fc
  .tuple(someField, someOperator, fc.array(someValue, { minLength: 1, maxLength: 3 }), someStyle)
  .map((parts) => asked(...parts))

/** A condition on a property that one of the events has, often with its own value: such a condition may well hold. */
export function someConditionOn(events: readonly ModelEvent[]): fc.Arbitrary<Condition> {
  const places = events.flatMap(({ properties }) => pathsIn(properties))
  const numbers = places.filter(({ value }) => numberOf(value) !== undefined)
  if (places.length === 0) return someCondition
  const withText = fc
    .tuple(fc.constantFrom(...places), fc.array(someValue, { maxLength: 2 }), fc.nat(2), someOperator, someStyle)
    .map(([{ path, value }, others, place, operator, style]) => {
      const own = value === null ? [] : [typeof value === 'string' ? value : stored(value)]
      const part = operator === '~' ? own.map((text) => [...text].slice(place, place + 2).join('')) : own
      const several = [...others.slice(0, place), ...part, ...others.slice(place), '10'].slice(0, 3)
      return asked({ kind: 'property', path }, operator, several, style)
    })
  if (numbers.length === 0) return withText
  const withNumber = fc
    .tuple(fc.constantFrom(...numbers), number, fc.constantFrom<Operator>('>', '>=', '<', '<='), someStyle)
    .map(([{ path }, { text }, operator, style]) => asked({ kind: 'property', path }, operator, [text], style))
  return fc.oneof(withText, withNumber)
}

function pathsIn(value: Json): { path: string[]; value: Json }[] {
  if (typeof value !== 'object' || value === null || 'json' in value) return []
  const children = 'object' in value ? value.object : value.map((inner, index) => [String(index), inner] as const)
  return children.flatMap(([key, inner]) => [
    { path: [key], value: inner },
    ...pathsIn(inner).map((deeper) => ({ ...deeper, path: [key, ...deeper.path] })),
  ])
}

export const someSelector: fc.Arbitrary<Selector> = fc
  .tuple(fc.constantFrom(...eventTypes), fc.array(someCondition, { maxLength: 3 }), fc.boolean())
  .map(([eventType, conditions, quotes]) => ({
    eventType,
    conditions,
    text: `${quotes || /["[\]]/.test(eventType) ? quote(eventType) : eventType}${
      conditions.length === 0 ? '' : `[${conditions.map(({ text }) => text).join(' and ')}]`
    }`,
  }))

function printCondition(
  field: Field,
  operator: Operator,
  values: readonly string[],
  { colon, quotes, blank }: Style,
): string {
  const name = field.kind === 'property' ? ['properties', ...field.path.map(printKey)].join('.') : field.kind
  const equals = colon ? ':' : '='
  if (operator === 'is set') return `${name}${blank}${equals}${blank}*`
  const written = values.map((value) => (quotes || !isPlainValue(value) ? quote(value) : value))
  return `${name}${blank}${operator === '=' ? equals : operator}${blank}${written.join(`${blank},${blank}`)}`
}

const printKey = (key: string) => (/^[\p{L}\p{N}$_-]+$/u.test(key) ? key : quote(key))
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
const isPlainValue = (value: string) => /^[\p{L}\p{N}$_%.+-]+( [\p{L}\p{N}]+)*$/u.test(value) && !/\band\b/i.test(value)

/** Without what PostgreSQL cannot store. */
function storable(text: string): string {
  return text.replace(/[\0\p{Cs}]/gu, '')
}

/** As JSON text, to hand to the database. */
export function toJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if ('json' in value) return value.json
  if ('object' in value) {
    return `{${value.object.map(([key, inner]) => `${JSON.stringify(key)}:${toJson(inner)}`).join(',')}}`
  }
  return `[${value.map(toJson).join(',')}]`
}

/** As `jsonb` prints it: keys by length, then by bytes. */
function stored(value: Json): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if ('text' in value) return value.text
  if ('object' in value) {
    const entries = value.object
      .map(([key, inner]) => ({ bytes: Buffer.from(key), key, inner }))
      .sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
    return `{${entries.map(({ key, inner }) => `${JSON.stringify(key)}: ${stored(inner)}`).join(', ')}}`
  }
  return `[${value.map(stored).join(', ')}]`
}

/** Undefined when there is nothing at the path. */
function at(value: Json, path: readonly string[]): Json | undefined {
  let inner: Json | undefined = value
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || 'json' in inner) return undefined
    if ('object' in inner) inner = inner.object.find(([name]) => name === key)?.[1]
    else inner = /^\s*[+-]?[0-9]+$/.test(key) ? inner.at(Number(key)) : undefined
    if (inner === undefined) return undefined
  }
  return inner
}

/** What an event holds in a field; undefined when it is not set. */
function fieldOf(event: ModelEvent, field: Field): Exclude<Json, null> | undefined {
  if (field.kind === 'event_type') return event.type
  if (field.kind === 'user_id') return event.user
  return at(event.properties, field.path) ?? undefined
}

/** As a whole number of 10^-2000: enough for all numbers of these tests. */
function numberOf(value: Json | undefined): bigint | undefined {
  const isJsonNumber = typeof value === 'object' && value !== null && 'json' in value
  if (typeof value !== 'string' && !isJsonNumber) return undefined
  const text = isJsonNumber ? value.text : value
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  if (parts === null || (!isJsonNumber && text.length > 1000)) return undefined
  const magnitude = BigInt(parts[2]! + (parts[3] ?? '').padEnd(2000, '0'))
  return parts[1] === '-' ? -magnitude : magnitude
}

/** Whether a condition holds for an event. */
export function holds(event: ModelEvent, { field, operator, values }: Condition): boolean {
  const value = fieldOf(event, field)
  const text = value === undefined ? undefined : typeof value === 'string' ? value : stored(value)
  switch (operator) {
    case '=':
      return text !== undefined && values.includes(text)
    case '!=':
      return text === undefined || !values.includes(text)
    case '~':
      return text !== undefined && values.some((part) => text.includes(part))
    case 'is set':
      return text !== undefined
    default: {
      const [left, right] = [numberOf(value), numberOf(values[0])]
      if (left === undefined || right === undefined) return false
      return { '>': left > right, '>=': left >= right, '<': left < right, '<=': left <= right }[operator]
    }
  }
}

/** Whether the field is set to something that is no number. */
export function isSetToNoNumber(event: ModelEvent, { field }: Condition): boolean {
  const value = fieldOf(event, field)
  return value !== undefined && numberOf(value) === undefined
}
