/**
 * The language of `--map` and `--id-from`: text becomes expressions, and a mistake is named with its place.
 *
 *     map     = pair ("," pair)*              pair  = field "=" expr
 *     id-from = part ("," part)*              part  = expr | "#" | "*"
 *     expr    = item ("|" item)*              item  = term ("+" term)*
 *     term    = path | "'" text "'" | "(" expr ")" | "word(" path "," number ")" | "pairs(" path ["," path] ")" ["." path]
 *     list    = "[" [expr ("," expr)*] "]"    of `properties` instead of an expr; `rest` is what is left over
 *     path    = key ("." key)*                key   = plain | '"' (any character, '"' doubled) '"'
 *
 * A plain key has no comma, bar, equals sign, plus or double quote, and does not begin with a quote or a bracket; spaces around
 * it do not belong to it. In JSON a dot goes down one level: `context.device.id`; quotes keep a key with a dot together. A
 * column of a CSV is its whole name; what follows a name goes on inside of a text that holds JSON.
 */
import { type EventField, eventFields } from '../../core/event.js'
import { type Expression, isName, type SourceName } from './expression.js'
import { Reader } from './expression-reader.js'

export type { SourceName } from './expression.js'

/** For each field that is mapped, where it comes from, in order of preference. */
export type FieldMap = Readonly<Partial<Record<EventField, readonly Expression<SourceName>[]>>>

/** What an id is derived from. */
export interface IdFrom {
  /** `*`: the whole record. */
  readonly sources: readonly Expression<SourceName>[] | '*'
  /** `#`: also the number of the record, so that identical records of a file stay apart. */
  readonly ordinal: boolean
}

/**
 * Reads `--map`.
 *
 * @throws EaError `usage`, with the place of the mistake
 * @example
 * parseMap('event_id=uuid,user_id=user_id|anonymous_id').user_id![1] // { name: 'anonymous_id', path: ['anonymous_id'] }
 */
export function parseMap(text: string): FieldMap {
  const reader = new Reader('--map', text)
  const map: Partial<Record<EventField, readonly Expression<SourceName>[]>> = {}
  do {
    const from = reader.at
    const field = reader.path().name
    if (!isField(field)) {
      throw reader.mistake(`${JSON.stringify(field)} is no field of an event (${eventFields.join(', ')})`, from)
    }
    if (map[field]) throw reader.mistake(`${field} is mapped twice; several sources go with |: ${field}=a|b`, from)
    if (!reader.takes('=')) throw reader.mistake(`after ${field} comes =`)
    map[field] = field === 'properties' ? reader.properties() : reader.fieldSources()
  } while (reader.takes(','))
  reader.mustEnd('a comma, a bar, a plus or the end')
  return map
}

/**
 * Reads `--id-from`.
 *
 * @throws EaError `usage`, with the place of the mistake
 * @example
 * parseIdFrom('user_id,ts,#') // { sources: [user_id, ts], ordinal: true }
 */
export function parseIdFrom(text: string): IdFrom {
  const reader = new Reader('--id-from', text)
  const sources: Expression<SourceName>[] = []
  let whole = false
  let ordinal = false
  do {
    const quoted = reader.isQuoted()
    const source = reader.one()
    const name = !quoted && isName(source) ? source.name : undefined
    if (name === '*') whole = true
    else if (name === '#') ordinal = true
    else sources.push(source)
  } while (reader.takes(','))
  reader.mustEnd('a comma or the end')
  if (whole && sources.length > 0) throw reader.mistake('* is the whole record, so nothing can be named beside it', 0)
  if (!whole && sources.every((source) => !isName(source) && source.kind === 'constant')) {
    const alone = sources.length === 0 ? '# alone' : 'A constant alone'
    throw reader.mistake(`${alone} gives the records of all files the same ids; name columns beside it`, 0)
  }
  return { sources: whole ? '*' : sources, ordinal }
}

/**
 * Reads one expression of `--map`, as a preset has it: `user_id | anonymous_id`.
 *
 * @param flag for messages
 * @throws EaError `usage`, with the place of the mistake
 */
export function parseExpression(flag: string, field: EventField, text: string): readonly Expression<SourceName>[] {
  const reader = new Reader(flag, text)
  const sources = field === 'properties' ? reader.properties() : reader.fieldSources()
  reader.mustEnd('a bar, a plus or the end')
  return sources
}

/**
 * Reads the name of a column or key, as `--drop` and `--each` have it.
 *
 * @throws EaError `usage`, with the place of the mistake
 */
export function parseNames(flag: string, text: string): readonly SourceName[] {
  const reader = new Reader(flag, text)
  const names: SourceName[] = []
  do names.push(reader.path())
  while (reader.takes(','))
  reader.mustEnd('a comma or the end')
  return names
}

/** The text that `parseNames` reads as these. */
export const formatNames = (names: readonly Pick<SourceName, 'path'>[]) => names.map(formatSource).join(',')

/** The text that `parseMap` reads as this map. */
export function formatMap(map: FieldMap): string {
  return Object.entries(map)
    .map(([field, sources]) => `${field}=${formatSources(sources)}`)
    .join(',')
}

/** The text that `parseIdFrom` reads as this. */
export function formatIdFrom({ sources, ordinal }: IdFrom): string {
  return [...(sources === '*' ? ['*'] : sources.map(formatExpression)), ...(ordinal ? ['#'] : [])].join(',')
}

/** Alternatives as they are written in `--map`. */
const formatSources = (sources: readonly Expression<SourceName>[]) => sources.map(formatExpression).join('|')

/** An expression as it is written in `--map`. */
export function formatExpression(expression: Expression<Pick<SourceName, 'name' | 'path'>>): string {
  if (isName(expression)) return formatSource(expression)
  switch (expression.kind) {
    case 'constant':
      return `'${expression.text.replaceAll("'", "''")}'`
    case 'word':
      return `word(${formatSource(expression.of)},${expression.number})`
    case 'pairs': {
      const { keys, values, path } = expression
      const inner = [keys, ...(values === undefined ? [] : [values])].map(formatSource).join(',')
      return `pairs(${inner})${path === undefined ? '' : `.${formatSource({ path })}`}`
    }
    case 'join':
      return expression.parts.map(formatExpression).join(' + ')
    case 'first':
      return `(${expression.of.map(formatExpression).join('|')})`
    case 'merge':
      return `[${expression.parts.map(formatExpression).join(', ')}]`
    case 'rest':
      return 'rest'
  }
}

/** A source as it is written in `--map`, in quotes where it needs them. */
export function formatSource({ path }: Pick<SourceName, 'path'>): string {
  return path.map((part) => (isPlain(part) ? part : `"${part.replaceAll('"', '""')}"`)).join('.')
}

const isPlain = (part: string) =>
  part !== 'rest' && /^[^\s,|="'.#*+()[\]](?:[^,|=".+()[\]]*[^\s,|=".+()[\]])?$/u.test(part)

const isField = (name: string): name is EventField => (eventFields as readonly string[]).includes(name)

/** A value of a flag as it is typed in a shell. */
export function shellQuoted(text: string): string {
  if (/^[\w.,=:@%/+-]+$/.test(text)) return text
  // Constants of a mapping have single quotes: in double ones they can be read.
  return text.includes("'") && !/["$`\\!]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`
}
