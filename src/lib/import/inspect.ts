/**
 * How a source would be read, and why: what `ea inspect` shows. The first records go through the same splitter and the
 * same SQL judge as in an import, inside a transaction that is rolled back. What fails on the way does not hide what
 * was found before it.
 */
import type { Readable } from 'node:stream'
import { EaError } from '../core/errors.js'
import type { RejectCode } from '../core/event.js'
import type { Database } from '../db/connect.js'
import { clockTexts } from '../load/import-counts.js'
import type { Mapping } from '../load/mapping/mapping.js'
import { detectTimeFormat, type TimeFormat, type TimeGuess } from '../load/mapping/time-format.js'
import { headOf } from './detect/head.js'
import { type Dialect, sniff } from './detect/sniff.js'
import { withReadingDefaults } from './options.js'
import {
  type EventsProfile,
  type HeadProfile,
  profiledRecordsMax,
  profileEvents,
  profileHead,
} from './propose/profile.js'
import { type Proposal, propose } from './propose/propose.js'
import { asGiven, decideReading, type ReadingOptions, sourceOptions } from './reading/parse-options.js'
import { adviceForAll } from './reject-advice.js'
import { keepingArchives } from './source/archive/archive.js'
import { firstFile } from './source/archive/archive-files.js'
import { type Source, withSource } from './source/source.js'
import { type InspectedRecord, validateHead } from './validate-head.js'

export type { EventsProfile, FieldProfile, HeadProfile } from './propose/profile.js'
export type { InspectedRecord } from './validate-head.js'

export interface InspectOptions extends Partial<ReadingOptions> {
  /** How many of the first records are judged; default 5. */
  readonly records?: number
  /** What `-` reads; default standard input. */
  readonly stdin?: Readable
}

export interface Inspection {
  /** Of an archive its first file. */
  readonly file: string
  /** The path as it was given. */
  readonly given: string
  readonly kind: Source['kind']
  /** Of the file as it lies on disk; null for a stream. */
  readonly diskBytes: number | null
  readonly compression: Source['compression']
  readonly encoding: string
  /** Why it is read like this, in words: first the source, then the format. */
  readonly why: readonly string[]
  /** Null when the format is not recognised. */
  readonly dialect: Dialect | null
  /** Null when the columns cannot be mapped. */
  readonly mapping: Mapping | null
  readonly timezone: string
  readonly timeFormat: TimeFormat
  /** What the times of the first records look like; null when there are none. */
  readonly times: TimeGuess | null
  readonly records: readonly InspectedRecord[]
  /** What is in the first records, as they are in the source; null when the format is not recognised. */
  readonly profile: HeadProfile | null
  /** What the mapping makes of them; null when the columns cannot be mapped. */
  readonly events: EventsProfile | null
  /** What may not be as it was meant, in sentences. */
  readonly warnings: readonly string[]
  /** What may help when nearly all of the records that are shown are rejected for one reason. */
  readonly advice: readonly string[]
  /** The command that imports it, tried on its head; null when none was found. */
  readonly proposal: Proposal | null
  /** What stands in the way of an import; null when nothing does as far as can be seen. */
  readonly error: EaError | null
}

export const inspectDefaults = { records: 5 } as const

/**
 * Looks at a source without importing it.
 *
 * @param path of a file, of an archive, of which the first file is looked at, or `-`
 * @throws EaError of a source that cannot be opened: `file_not_found`, `file_not_readable`, `file_corrupt`, …
 * @example
 * const { mapping, records } = await inspectFile(db, 'events.csv')
 */
export function inspectFile(db: Database, path: string, options: InspectOptions = {}): Promise<Inspection> {
  return keepingArchives(() => inspectFirst(db, path, options))
}

async function inspectFirst(db: Database, given: string, options: InspectOptions): Promise<Inspection> {
  const { path, files } = await firstFile(given)
  const reading = withReadingDefaults(options)
  return withSource(path, sourceOptions(options), async (source) => {
    const found: Findings = {
      dialect: null,
      mapping: null,
      times: null,
      records: [],
      profile: null,
      events: null,
      warnings: [],
    }
    let stopped: EaError | null = null
    try {
      await look(db, source, reading, options.records ?? inspectDefaults.records, found)
    } catch (error) {
      if (!(error instanceof EaError)) throw error
      stopped = error
    }
    const isEmpty = found.dialect?.empty ?? false
    const { records: _, stdin: __, ...asked } = options
    const proposal = isEmpty ? null : await propose(db, source, path, asked)
    const isFirst = `This is the first of ${files} files in ${given}; any of them can be named like it.`
    return {
      file: path,
      given,
      kind: source.kind,
      diskBytes: source.progress().totalBytes,
      compression: source.compression,
      encoding: source.encoding,
      why: [...source.why, ...(found.dialect?.why ?? [])],
      timezone: reading.timezone,
      timeFormat: reading.timeFormat,
      ...found,
      warnings: [...(files > 1 ? [isFirst] : []), ...found.warnings],
      advice: adviceFor(found.records),
      proposal,
      error: stopped,
    }
  })
}

function adviceFor(records: readonly InspectedRecord[]): readonly string[] {
  const counts = new Map<RejectCode, number>()
  for (const { code } of records) if (code !== null) counts.set(code, (counts.get(code) ?? 0) + 1)
  const reasons = [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count)
  return adviceForAll(records.length, reasons)
}

/** What is known so far. */
interface Findings {
  dialect: Dialect | null
  mapping: Mapping | null
  times: TimeGuess | null
  records: readonly InspectedRecord[]
  profile: HeadProfile | null
  events: EventsProfile | null
  warnings: readonly string[]
}

async function look(
  db: Database,
  source: Source,
  options: ReadingOptions,
  wanted: number,
  found: Findings,
): Promise<void> {
  found.dialect = sniff(source.head, source.headIsAll, asGiven(options), source.name)
  const { dialect } = found
  const head = headOf(source, dialect, profiledRecordsMax)
  found.profile = profileHead(head, dialect.empty ? [] : dialect.columns, options.nulls)
  const reading = decideReading(source, options)
  found.mapping = reading.mapping
  found.warnings = reading.namedKeys.warnings
  const { records, times, clocks } = await validateHead(db, source, reading, Math.max(wanted, head.length))
  found.records = records.slice(0, wanted)
  found.events = profileEvents(records)
  found.warnings = [...found.warnings, ...clockTexts(clocks, options.timezone)]
  if (times.length > 0) found.times = detectTimeFormat(times)
  if (reading.namedKeys.idIsMissing) throw reading.namedKeys.idIsMissing.error
}
