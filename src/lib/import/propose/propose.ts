/**
 * The command that imports a file: a preset that fits it, what was asked for when that works, else a guess. Each is tried on the
 * head of the file before it is said, by the reading and the SQL of an import; what does not give events is not said.
 */
import { Readable } from 'node:stream'
import { EaError } from '../../core/errors.js'
import type { Database } from '../../db/connect.js'
import type { SourceName } from '../../load/mapping/expression.js'
import { parseTimeFormat } from '../../load/mapping/time-format.js'
import { headRows } from '../detect/csv-header.js'
import { type HeadRecord, headOf } from '../detect/head.js'
import { type Dialect, sniff } from '../detect/sniff.js'
import { importDefaults, withReadingDefaults } from '../options.js'
import { listPresets, type Preset } from '../presets/presets.js'
import { asGiven, decideReading, type ReadingOptions } from '../reading/parse-options.js'
import { changedOptions, optionFlags } from '../reading/stored-reading.js'
import { type Source, withSource } from '../source/source.js'
import { validateHead } from '../validate-head.js'
import { arrayPaths, headDocuments } from './documents.js'
import { guessMapping } from './guess.js'
import { unnamed } from './path-facts.js'
import { type EventsProfile, profileEvents } from './profile.js'
import { recognised } from './recognise.js'

export interface Proposal {
  /** The preset that fits, if one does. */
  readonly preset: Pick<Preset, 'name' | 'about'> | null
  /** The flags, each after a space; empty when none is needed. */
  readonly flags: string
  /** What they make of the first records. */
  readonly events: EventsProfile
  /** Whether these are what was asked for. */
  readonly isAsGiven: boolean
  /** Patterns that would read the times just as well. */
  readonly timeFormats: readonly string[]
  /** What may not be as it is meant, in sentences. */
  readonly warnings: readonly string[]
}

type Options = Partial<ReadingOptions>

/** A way to read a source that is worth a try. */
interface Candidate {
  readonly preset?: Preset
  /** What the preset lacks. */
  readonly beside?: Options
  readonly options: Options
}

/** So many of the first records are tried. */
const triedRecords = 200

/**
 * @param source that was opened, of which only the head is looked at
 * @param file its name as it was given
 * @param given what was asked for
 */
export async function propose(db: Database, source: Source, file: string, given: Options): Promise<Proposal | null> {
  const head = wholeLines(source)
  const tried = new Set<string>()
  for await (const candidate of candidates(source, head, file, given)) {
    const key = JSON.stringify(candidate.options)
    if (tried.has(key)) continue
    tried.add(key)
    const found = await verified(db, source, head, candidate)
    if (found) return { ...found, isAsGiven: candidate.options === given }
  }
  return null
}

/** A head without the line that is cut off. */
function wholeLines({ head, headIsAll }: Source): Buffer {
  const end = headIsAll ? -1 : head.lastIndexOf(0x0a)
  return end < head.length / 2 ? head : head.subarray(0, end + 1)
}

async function* candidates(source: Source, head: Buffer, file: string, given: Options): AsyncGenerator<Candidate> {
  const isExploded = source.places !== undefined
  const { map: _, idFrom: __, preset: ___, ...others } = given
  const base = withoutDefaults(others)
  const text = head.toString('utf8')
  const documents = headDocuments(text)
  const presets = await listPresets()
  const columns = dialectOf(head, given)?.columns ?? null
  for (const preset of recognised(presets, { text, columns, documents })) {
    yield { preset, options: changedOptions(preset.options, base), beside: base }
  }
  const paths = isExploded ? [] : arrayPaths(documents)
  for (const each of paths) {
    const events = elementsAt(documents, each.path)
    for (const preset of recognised(presets, { text: '', columns: null, documents: events })) {
      if (preset.options.each === undefined) {
        yield { preset, options: { ...changedOptions(preset.options, base), each }, beside: { ...base, each } }
      }
    }
  }
  yield { options: given }
  for (const structure of structures(text, head, base, paths)) {
    const options = { ...base, ...structure }
    const guess = await guessFor(head, options, file, isExploded)
    if (guess) yield { options: { ...options, ...guess } }
  }
}

/** What a source can be made of, the likeliest first. */
function* structures(text: string, head: Buffer, base: Options, paths: readonly SourceName[]): Generator<Options> {
  const dialect = dialectOf(head, base)
  if (dialect) yield {}
  if (text.startsWith('#') && base.comment === undefined) yield { comment: '#', nulls: base.nulls ?? ['-'] }
  for (const each of paths) yield { each }
  if (/(^|[\t,;|])\\N([\t,;|]|$)/m.test(text) && base.nulls === undefined) yield { nulls: ['\\N'] }
  if (dialect === null && base.columns === undefined && !/^\s*[[{]/.test(text)) yield* headless(head, base)
}

/** The columns of a file without a header, by each delimiter that gives all records the same number of fields. */
function* headless(head: Buffer, base: Options): Generator<Options> {
  for (const delimiter of base.delimiter ? [base.delimiter] : [',', '\t', ';', '|', ' ']) {
    const dialect = {
      delimiter: delimiter === 'tab' ? '\t' : delimiter,
      quote: '"',
      escape: null,
      comment: null,
      headerBytes: 0,
    }
    const rows = headRows(head, true, dialect)
    const width = rows[0]?.length ?? 0
    if (width < 3 || !rows.every((fields) => fields.length === width)) continue
    yield { delimiter: delimiter === '\t' ? 'tab' : delimiter, columns: rows[0]!.map((_, at) => unnamed(at)) }
  }
}

function dialectOf(head: Buffer, options: Options): Dialect | null {
  try {
    return sniff(head, true, asGiven(withReadingDefaults(options)))
  } catch (error) {
    if (error instanceof EaError) return null
    throw error
  }
}

/** What is so anyway would otherwise win over a preset. */
function withoutDefaults(options: Options): Options {
  const { timezone, timeFormat, maxRecordBytes, ...rest } = options
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(timezone !== undefined && timezone !== importDefaults.timezone && { timezone }),
    ...(timeFormat && timeFormat.kind !== importDefaults.timeFormat.kind && { timeFormat }),
    ...(maxRecordBytes !== undefined && maxRecordBytes !== importDefaults.maxRecordBytes && { maxRecordBytes }),
  }
}

/** The elements of arrays inside of documents, with the fields around them. */
function elementsAt(documents: readonly HeadRecord[], [key, ...inner]: readonly string[]): HeadRecord[] {
  return documents.flatMap((document) => {
    const { [key!]: value, ...around } = document
    const elements = (Array.isArray(value) ? value : value === undefined ? [] : [value]) as HeadRecord[]
    const events = elements.map((element) => ({ ...around, ...element }))
    return inner.length === 0 ? events : elementsAt(events, inner)
  })
}

/** Opens the head as a source of its own. */
function withHead<T>(
  head: Buffer,
  options: Options,
  isExploded: boolean,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const each = isExploded ? undefined : options.each
  return withSource('-', { stdin: Readable.from([head]), each, maxRecordBytes: head.length + 1 }, use)
}

async function guessFor(head: Buffer, options: Options, file: string, isExploded: boolean): Promise<Options | null> {
  const guess = await withHead(head, options, isExploded, async (source) => {
    const dialect = dialectOf(source.head, options)
    if (!dialect || dialect.empty) return null
    return guessMapping(headOf(source, dialect), dialect.columns, file)
  }).catch(ignoringErrors)
  if (!guess) return null
  const { map, idFrom } = guess
  return { ...namedColumns(options.columns, map), ...(idFrom && { idFrom }) }
}

/** Columns that have no names get those of the fields that they are. */
function namedColumns(columns: readonly string[] | undefined, map: ReadingOptions['map']): Options {
  if (columns === undefined || map === undefined) return { map }
  const fieldOf = new Map<string, string>()
  for (const [field, [only, ...others]] of Object.entries(map)) {
    if (only && others.length === 0 && 'name' in only) fieldOf.set(only.name, field)
  }
  const left = Object.entries(map).filter(([field]) => ![...fieldOf.values()].includes(field))
  return {
    columns: columns.map((column) => fieldOf.get(column) ?? column),
    ...(left.length > 0 && { map: Object.fromEntries(left) }),
  }
}

/** What cannot be read like this is not proposed. */
const ignoringErrors = (error: unknown) => {
  if (error instanceof EaError) return null
  throw error
}

type Verified = Omit<Proposal, 'isAsGiven'>

async function verified(
  db: Database,
  source: Source,
  head: Buffer,
  candidate: Candidate,
  timeFormats: readonly string[] = [],
): Promise<Verified | null> {
  const options = withReadingDefaults(candidate.options)
  try {
    return await withHead(head, options, source.places !== undefined, async (opened) => {
      const reading = decideReading(opened, options)
      if (reading.namedKeys.idIsMissing) return null
      const { records } = await validateHead(db, opened, reading, triedRecords)
      const events = records.filter(({ code }) => code === null).length
      const isCut = !source.headIsAll && records.length < triedRecords ? 1 : 0
      if (events === 0 || events + isCut < 0.9 * records.length) return null
      return {
        preset: candidate.preset ?? null,
        flags: flagsOf(candidate),
        events: profileEvents(records),
        timeFormats,
        warnings: reading.namedKeys.warnings,
      }
    })
  } catch (error) {
    if (!(error instanceof EaError)) throw error
    const { formats } = error.details as { formats?: readonly string[] }
    if (!formats || timeFormats.length > 0) return null
    // Nobody but a person knows: each of them would do.
    const timeFormat = parseTimeFormat(formats[0]!)
    const { beside } = candidate
    const chosen = {
      ...candidate,
      options: { ...candidate.options, timeFormat },
      ...(beside && { beside: { ...beside, timeFormat } }),
    }
    return verified(db, source, head, chosen, formats)
  }
}

function flagsOf({ preset, beside, options }: Candidate): string {
  return preset ? ` --preset ${preset.name}${optionFlags(beside ?? {})}` : optionFlags(options)
}
