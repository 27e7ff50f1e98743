/** Local times that the clocks of a zone skipped or showed twice: counted as a model counts them, and read as PostgreSQL reads them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { importFiles } from '../../src/lib/import/import.js'
import { inspectFile } from '../../src/lib/import/inspect.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { parseTimeFormat } from '../../src/lib/load/mapping/time-format.js'
import { empty, importInto } from '../import/import-helpers.js'
import { assertProperty } from '../support/effort.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { withScratchFolder } from '../support/temp-dir.js'

const database = sharedDatabase()
const hour = 3_600_000

/** What a clock shows at an instant, as if it hung in UTC. */
function shown(zone: string, at: number): number {
  const parts = Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  }).formatToParts(at)
  const part = (type: string) => Number(parts.find((one) => one.type === type)!.value)
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
}

/** The instants at which a clock shows a local time, and the one that is meant when there is no such instant. */
function model(zone: string, local: number): { instants: number[]; read: number } {
  const offsets = [-36, 36].map((hours) => shown(zone, local + hours * hour) - (local + hours * hour))
  const instants = [...new Set(offsets.map((offset) => local - offset))].filter((at) => shown(zone, at) === local)
  // One that is skipped: by the clock before the change. Of two: the later.
  return { instants, read: instants.length === 0 ? local - offsets[0]! : Math.max(...instants) }
}

/** Zones with a local time close to a change of theirs. */
const zones = {
  'America/New_York': ['2025-03-09T02:30', '2025-11-02T01:30', '1974-01-06T02:10', '2006-04-02T02:30'],
  'Europe/Kyiv': ['2025-03-30T03:30', '2025-10-26T03:30'],
  'Europe/London': ['2024-03-31T01:15', '2024-10-27T01:15'],
  'Europe/Dublin': ['2024-03-31T01:15', '2024-10-27T01:15'],
  'Australia/Lord_Howe': ['2024-10-06T02:15', '2024-04-07T01:45'],
  'America/Havana': ['2024-03-10T00:30', '2024-11-03T00:30'],
  'Pacific/Apia': ['2011-12-30T12:00', '2011-12-31T00:10'],
  'Europe/Moscow': ['2014-10-26T01:30', '2011-03-27T02:30'],
  'Asia/Kolkata': ['2024-03-31T01:15'],
} as const

const text = (local: number) => new Date(local).toISOString().slice(0, 19)
const uuidOf = (n: number) => `00000000-0000-4000-8000-${String(n + 1).padStart(12, '0')}`

interface Case {
  readonly zone: string
  /** Local, or with an offset. */
  readonly times: readonly { readonly local: number; readonly hasOffset: boolean }[]
}

const cases: fc.Arbitrary<Case> = fc.constantFrom(...Object.keys(zones)).chain((zone) =>
  fc.record({
    zone: fc.constant(zone),
    times: fc.array(
      fc.record({
        local: fc
          .tuple(fc.constantFrom(...zones[zone as keyof typeof zones]), fc.integer({ min: -5400, max: 5400 }))
          .map(([near, seconds]) => Date.parse(`${near}:00Z`) + seconds * 1000),
        hasOffset: fc.nat(3).map((n) => n === 0),
      }),
      { minLength: 1, maxLength: 30 },
    ),
  }),
)

/** Numbers in the warnings of an outcome: those that did not exist, those that existed twice. */
function countsIn(warnings: readonly string[]): [skipped: number, repeated: number] {
  const count = (words: string) =>
    Number(
      warnings
        .map((one) => new RegExp(`^([0-9,]+) times? (?:has|have) no offset and ${words} `).exec(one)?.[1])
        .find((found) => found !== undefined)
        ?.replaceAll(',', '') ?? 0,
    )
  return [count('did not exist'), count('existed twice')]
}

const csv = (times: readonly string[]) =>
  `event_id,occurred_at,user_id,event_type\n${times.map((at, n) => `${uuidOf(n)},${at},u,x\n`).join('')}`
const ndjson = (times: readonly string[]) =>
  times
    .map((at, n) => `${JSON.stringify({ event_id: uuidOf(n), occurred_at: at, user_id: 'u', event_type: 'x' })}\n`)
    .join('')

describe('against a model', () => {
  test.each([
    ['a CSV with typed times', 'events.csv', csv, 'auto', (at: string) => at],
    [
      'a CSV with a pattern',
      'events.csv',
      csv,
      'DD/MM/YYYY HH24:MI:SS',
      (at: string) => at.replace(/^(\d+)-(\d+)-(\d+)T/, '$3/$2/$1 '),
    ],
    [
      'a CSV of names of months',
      'events.csv',
      csv,
      'wide',
      (at: string) =>
        at.replace(
          /^(\d+)-(\d+)-(\d+)T/,
          (_, y, m, d) => `${d}-${new Date(0, m - 1).toLocaleString('en', { month: 'short' })}-${y} `,
        ),
    ],
    ['NDJSON', 'events.ndjson', ndjson, 'auto', (at: string) => at],
    [
      'NDJSON with digits of a local clock',
      'events.ndjson',
      ndjson,
      'epoch-local',
      // Ten digits, as they must be: those of 1974 begin with a zero.
      (at: string) => String(Date.parse(`${at}Z`) / 1000).padStart(10, '0'),
    ],
  ] as const)('%s', { tags: 'property' }, async (_, name, file, format, written) => {
    await assertProperty(
      fc.asyncProperty(cases, async ({ zone, times }) => {
        const timeFormat = parseTimeFormat(format)
        const mayHaveOffset = format === 'auto'
        const given = times.map(({ local, hasOffset }) => {
          const isLocal = !(hasOffset && mayHaveOffset)
          const found = model(zone, local)
          return isLocal
            ? { text: written(text(local)), ...found }
            : { text: `${text(local)}+00:00`, instants: [local], read: local }
        })
        const content = file(given.map((one) => one.text))
        const { outcome, events } = await importInto(database(), content, { timezone: zone, timeFormat }, name)
        const expected = [0, 2].map((many) => given.filter(({ instants }) => instants.length === many).length)
        expect([zone, countsIn(outcome.warnings)]).toEqual([zone, expected])
        expect(events.map((event) => event.occurred_at.slice(0, 19))).toEqual(given.map(({ read }) => text(read)))
      }),
      100,
    )
  })
})

const odd = [
  '2025-03-09 02:30:00',
  '2025-11-02 01:30:00',
  '2025-11-02 01:30:00-04:00',
  '2025-03-09 03:30:00',
  '2025-06-01 00:00:00',
]
const said = {
  skipped: (n: string) =>
    `${n} no offset and did not exist in America/New_York, because the clocks were set forward: each is read by the clock before the change.`,
  repeated: (n: string) =>
    `${n} no offset and existed twice in America/New_York, because the clocks were set back: each is read as the later one.`,
}

test.each([
  ['an import', {}],
  ['a dry run', { dryRun: true }],
  ['an import in one transaction', { atomic: true }],
  ['an import in small chunks', { chunkBytes: 100 }],
] as [string, ImportOptions][])(
  '%s says how many times, also those of records that are rejected for something else',
  async (_, options) => {
    const content = `${csv([...odd, odd[0]!])}x,2025-03-09 02:30,u,x\n,short\n`
    const { outcome } = await importInto(database(), content, { ...options, timezone: 'America/New_York' })
    expect(outcome.warnings).toEqual([said.skipped('3 times have'), said.repeated('1 time has')])
  },
)

test('ea inspect says it of the first records', () =>
  withScratchFolder(async (folder) => {
    for (const [name, file] of [
      ['a.csv', csv],
      ['a.ndjson', ndjson],
    ] as const) {
      await writeFile(join(folder, name), file(odd))
      const { warnings } = await inspectFile(database(), join(folder, name), { timezone: 'America/New_York' })
      expect(warnings).toEqual([said.skipped('1 time has'), said.repeated('1 time has')])
    }
  }))

test('an import that goes on counts those of the chunks that were merged before', () =>
  withScratchFolder(async (folder) => {
    await empty(database())
    const path = join(folder, 'many.csv')
    await writeFile(path, csv(Array.from({ length: 300 }, () => odd).flat()))
    const options = { timezone: 'America/New_York', chunkBytes: 4096, jobs: 1 }
    const stop = new AbortController()
    const onEvent = ({ type, ...event }: { type: string; records?: number }) => {
      if (type === 'progress' && (event.records ?? 0) > 600) stop.abort()
    }
    await expect(importFiles(database(), [path], { ...options, signal: stop.signal, onEvent })).rejects.toThrow(
      'interrupted',
    )
    const { rows } = await sql<{
      chunks: number
    }>`SELECT count(*)::int AS chunks FROM ${database().t.import_chunks}`.execute(database().q)
    expect(rows[0]!.chunks).toBeGreaterThan(2)
    let resumed = 0
    const { files } = await importFiles(database(), [path], {
      ...options,
      onEvent: (event) => {
        if (event.type === 'resuming') resumed = event.chunks
      },
    })
    expect(resumed).toBe(rows[0]!.chunks)
    expect(files[0]!.warnings).toEqual([said.skipped('300 times have'), said.repeated('300 times have')])
  }))
