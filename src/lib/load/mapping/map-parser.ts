/**
 * The small languages of `--map` and `--id-from`: text becomes names, and a mistake is named with its place.
 *
 *     map     = pair ("," pair)*            pair   = field "=" source ("|" source)*
 *     id-from = item ("," item)*            item   = source | "#" | "*"
 *     source  = part ("." part)*            part   = plain | '"' (any character, '"' doubled) '"'
 *
 * A plain part has no comma, bar, equals sign or double quote; spaces around it do not belong to it. In JSON a dot
 * goes down one level: `context.device.id`; quotes keep a key with a dot together. A column of a CSV is its whole name.
 */
import { EaError } from '../../core/errors.js'
import { type EventField, eventFields } from '../../core/event.js'

/** A source as a person names it. */
export interface SourceName {
  /** The whole name: of a column, as it stands in the header. */
  readonly name: string
  /** Its parts between dots: for JSON the keys from the outside in. */
  readonly path: readonly string[]
}

/** For each field that is mapped, where it comes from, in order of preference. */
export type FieldMap = Readonly<Partial<Record<EventField, readonly SourceName[]>>>

/** What an id is derived from. */
export interface IdFrom {
  /** `*`: the whole record. */
  readonly sources: readonly SourceName[] | '*'
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
  const map: Partial<Record<EventField, SourceName[]>> = {}
  do {
    const from = reader.at
    const field = reader.source().name
    if (!isField(field)) {
      throw reader.mistake(`${JSON.stringify(field)} is no field of an event (${eventFields.join(', ')})`, from)
    }
    if (map[field]) throw reader.mistake(`${field} is mapped twice; several sources go with |: ${field}=a|b`, from)
    if (!reader.takes('=')) throw reader.mistake(`after ${field} comes =`)
    const sources: SourceName[] = []
    do sources.push(reader.source())
    while (reader.takes('|'))
    map[field] = sources
  } while (reader.takes(','))
  reader.mustEnd('a comma, a bar or the end')
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
  const sources: SourceName[] = []
  let whole = false
  let ordinal = false
  do {
    const quoted = reader.isQuoted()
    const source = reader.source()
    if (!quoted && source.name === '*') whole = true
    else if (!quoted && source.name === '#') ordinal = true
    else sources.push(source)
  } while (reader.takes(','))
  reader.mustEnd('a comma or the end')
  if (whole && sources.length > 0) throw reader.mistake('* is the whole record, so nothing can be named beside it', 0)
  if (!whole && sources.length === 0) {
    throw reader.mistake('# alone gives the records of all files the same ids; name columns beside it', 0)
  }
  return { sources: whole ? '*' : sources, ordinal }
}

/** The text that `parseMap` reads as this map. */
export function formatMap(map: FieldMap): string {
  return Object.entries(map)
    .map(([field, sources]) => `${field}=${sources.map(formatSource).join('|')}`)
    .join(',')
}

/** The text that `parseIdFrom` reads as this. */
export function formatIdFrom({ sources, ordinal }: IdFrom): string {
  return [...(sources === '*' ? ['*'] : sources.map(formatSource)), ...(ordinal ? ['#'] : [])].join(',')
}

/** A source as it is written in `--map`, in quotes where it needs them. */
export function formatSource({ path }: Pick<SourceName, 'path'>): string {
  return path.map((part) => (isPlain(part) ? part : `"${part.replaceAll('"', '""')}"`)).join('.')
}

const isPlain = (part: string) => /^[^\s,|="'.#*](?:[^,|=".]*[^\s,|=".])?$/u.test(part)

const isField = (name: string): name is EventField => (eventFields as readonly string[]).includes(name)

/** Reads a text from left to right and knows where it is. */
class Reader {
  at = 0
  readonly #flag: string
  readonly #text: string

  constructor(flag: string, text: string) {
    this.#flag = flag
    this.#text = text
  }

  isQuoted(): boolean {
    this.#skipSpaces()
    return this.#text[this.at] === '"'
  }

  takes(char: string): boolean {
    this.#skipSpaces()
    if (this.#text[this.at] !== char) return false
    this.at++
    return true
  }

  source(): SourceName {
    const path = [this.#part()]
    while (this.takes('.')) path.push(this.#part())
    return { name: path.join('.'), path }
  }

  mustEnd(expected: string): void {
    this.#skipSpaces()
    if (this.at < this.#text.length) throw this.mistake(`here comes ${expected}`)
  }

  mistake(what: string, at = this.at): EaError {
    const seen = this.#text.slice(at, at + 20)
    const place = seen === '' ? 'at its end' : `at character ${at + 1} (${seen})`
    return new EaError('usage', `${this.#flag}, ${place}: ${what}`, {
      suggestions: [
        this.#flag === '--map'
          ? 'Write it like --map event_id=uuid,user_id=user_id|anonymous_id; "…" around names with , = | or .'
          : "Write it like --id-from order_id,line or --id-from '*'",
      ],
      details: { flag: this.#flag, at: at + 1 },
    })
  }

  #part(): string {
    this.#skipSpaces()
    const from = this.at
    if (this.#text[this.at] !== '"') {
      while (this.at < this.#text.length && !',|=".'.includes(this.#text[this.at]!)) this.at++
      const part = this.#text.slice(from, this.at).trimEnd()
      if (part === '') throw this.mistake('a name is missing', from)
      return part
    }
    const quoted = /"((?:[^"]|"")*)"/y
    quoted.lastIndex = from
    const found = quoted.exec(this.#text)
    if (!found) throw this.mistake('this quote is never closed', from)
    this.at = quoted.lastIndex
    return found[1]!.replaceAll('""', '"')
  }

  #skipSpaces(): void {
    while (/\s/.test(this.#text[this.at] ?? '')) this.at++
  }
}
