/** `ea rollups …` as a user runs it: the same answers with and without, and nothing half done. */
import { writeFile } from 'node:fs/promises'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { type Bench, header, until, uuidOf, withBench } from './import-content.js'

beforeAll(builtOnce)

const sample = 'examples/events.csv'
const fields = ['properties.country', 'event_type:view_item', 'event_type:add_to_cart', 'event_type:purchase']
/** Holds what a batch that completes holds, in a schema `ea`. */
const visibilityLock = `SELECT pg_advisory_xact_lock(hashtextextended('event-analytics visibility ea', 0))`

const questions: readonly (readonly string[])[] = [
  ['dau', '--segment', 'properties.country:UA', '--from', '2025-01-01'],
  ['dau', '--segment', 'properties.country:UA', '--grain', 'week', '--from', '2025-01-01'],
  ['retention', '--segment', 'properties.country:UA', '--start-date', '2025-01-06', '--windows', '4'],
  ['lifecycle', '--segment', 'properties.country:PL', '--grain', 'week', '--from', '2025-01-01'],
  ['dau', '--segment', 'properties.country:nowhere', '--from', '2025-01-01'],
  ['funnel', '--step', 'view_item', '--step', 'add_to_cart', '--step', 'purchase', '--from', '2025-01-01'],
  [
    'funnel',
    '--step',
    'view_item',
    '--step',
    'purchase',
    '--window',
    '2h',
    '--from',
    '2025-02-01',
    '--to',
    '2025-02-14',
  ],
]

/** The answers to all of them, without `meta`. A mean is a sum of fractions, and its last digits depend on their order. */
async function answers({ json }: Bench): Promise<unknown[]> {
  const data: unknown[] = []
  for (const question of questions) {
    const answer = await json(['stats', ...question])
    expect(answer.code, question.join(' ')).toBe(0)
    data.push(
      JSON.parse(JSON.stringify(answer.data), (_, value) =>
        typeof value === 'number' ? Number(value.toPrecision(12)) : value,
      ),
    )
  }
  return data
}

async function verified({ json }: Bench): Promise<void> {
  expect(await json(['db', 'verify'])).toEqual({ code: 0, differences: [] })
}

/** How many rows the tables of optional rollups have. */
async function stored({ sql }: Bench): Promise<unknown> {
  const [row] = await sql(`
    SELECT (SELECT count(*) FROM optional_rollups)::int AS kept, (SELECT count(*) FROM property_user_days)::int AS user_days,
           (SELECT count(*) FROM property_days)::int AS days, (SELECT count(*) FROM user_times)::int AS times`)
  return row
}
const nothing = { kept: 0, user_days: 0, days: 0, times: 0 }

/** Events of users whom the sample knows and of others, before, between and behind its days. */
function moreEvents(): string {
  const countries = ['UA', 'PL', '"U""A"', null, 7]
  const types = ['view_item', 'add_to_cart', 'purchase', 'login']
  const records = Array.from({ length: 400 }, (_, n) => {
    const country = countries[n % countries.length]!
    const properties = n % 11 === 0 ? '' : `"${JSON.stringify({ country }).replaceAll('"', '""')}"`
    const at = new Date(Date.UTC(2024, 11, 20) + ((n * 7919) % 90) * 86_400_000 + (n % 24) * 3_600_000).toISOString()
    return `${uuidOf(n)},${at},u${1 + ((n * 37) % 350)},${types[n % types.length]},${properties}`
  })
  return `${[header, ...records].join('\n')}\n`
}

test('add fills, list shows, add again changes nothing, remove takes away', () =>
  withBench(async (bench) => {
    const { ea, json } = bench
    await ea(['import', sample])
    expect((await ea(['rollups', 'list'])).stdout).toBe('No rows.\n')
    const version = async () => (await bench.sql('SELECT data_version FROM settings'))[0]!.data_version
    const before = await version()

    const added = await ea(['rollups', 'add', ...fields])
    expect(added).toMatchObject({ code: 0, stderr: '' })
    expect(added.stdout).toMatch(
      /^properties\.country: kept \([\d,]+ rows, [\d.]+ s\)\nevent_type:view_item: kept \(\d+ rows, [\d.]+ s\)\n/,
    )
    const since = await version()
    expect(since).not.toBe(before)

    const listed = await json(['rollups', 'list'])
    expect(listed).toMatchObject({ code: 0, metric: 'rollups' })
    expect(Object.keys(listed.data[0])).toEqual(['field', 'answers', 'values', 'rows', 'added_at'])
    expect(listed.data.map(({ field, answers }: Record<string, unknown>) => [field, answers])).toEqual([
      ['properties.country', 'segments'],
      ['event_type:view_item', 'funnels'],
      ['event_type:add_to_cart', 'funnels'],
      ['event_type:purchase', 'funnels'],
    ])
    const [country, , , purchase] = listed.data
    const [truth] = await bench.sql(`
      SELECT count(DISTINCT (user_id, properties ->> 'country', (occurred_at AT TIME ZONE 'UTC')::date))
               FILTER (WHERE properties ->> 'country' IS NOT NULL)::int AS user_days,
             count(DISTINCT properties ->> 'country')::int AS countries,
             count(DISTINCT user_id) FILTER (WHERE event_type = 'purchase')::int AS buyers
      FROM events`)
    expect(country).toMatchObject({ rows: truth!.user_days, values: truth!.countries })
    expect(purchase).toMatchObject({ rows: truth!.buyers, values: null })
    expect(listed.meta.size_bytes).toEqual({ segments: expect.any(Number), funnels: expect.any(Number) })
    const table = await ea(['rollups', 'list'])
    expect(table.stdout).toMatch(/^field +answers +values +rows +added_at *\nproperties\.country +segments /)
    expect(table.stderr).toMatch(/^On disk, indexes included: [\d.]+ .?B for segments, [\d.]+ .?B for funnels\.\n$/)
    expect((await ea(['rollups', 'list', '--format', 'csv', '--quiet'])).stdout).toMatch(
      /^field,answers,values,rows,added_at\r\nproperties\.country,segments,\d+,\d+,/,
    )

    const again = await json(['rollups', 'add', 'properties."country"', 'event_type = purchase', 'properties.country'])
    expect(again).toEqual({
      code: 0,
      rollups: [
        { field: 'properties.country', answers: 'segments', already: true, rows: country.rows, seconds: 0 },
        { field: 'event_type:purchase', answers: 'funnels', already: true, rows: purchase.rows, seconds: 0 },
      ],
    })
    expect(await version()).toBe(since)

    const removed = await ea(['rollups', 'remove', 'properties.country', 'event_type:purchase'])
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    expect(removed.stdout).toMatch(
      /^properties\.country: removed \([\d,]+ rows\)\nevent_type:purchase: removed \(\d+ rows\)\n$/,
    )
    expect((await json(['rollups', 'list'])).data).toHaveLength(2)
    await ea(['rollups', 'remove', 'event_type:view_item', 'event_type:add_to_cart'])
    expect(await stored(bench)).toEqual(nothing)
  }))

test('answers are the same with and without, also behind an import and an undo', () =>
  withBench(async (bench) => {
    const { ea, json, path } = bench
    await ea(['import', sample])
    const first = await answers(bench)
    await ea(['rollups', 'add', ...fields])
    expect(await answers(bench)).toEqual(first)
    await verified(bench)

    await writeFile(path('more.csv'), moreEvents())
    expect((await ea(['import', path('more.csv')])).code).toBe(0)
    await verified(bench)
    const second = await answers(bench)
    expect(second).not.toEqual(first)
    await ea(['rollups', 'remove', ...fields])
    expect(await answers(bench)).toEqual(second)

    await ea(['rollups', 'add', ...fields])
    await verified(bench)
    expect((await json(['batches', 'undo', '1'])).code).toBe(0)
    await verified(bench)
    const third = await answers(bench)
    expect((await json(['batches', 'undo', '2'])).code).toBe(0)
    expect(await stored(bench)).toEqual({ ...nothing, kept: fields.length })
    await ea(['rollups', 'remove', ...fields])
    await ea(['import', path('more.csv')])
    expect(await answers(bench)).toEqual(third)
  }))

test('an empty database takes them; what no event has is kept with a warning', () =>
  withBench(async (bench) => {
    const { ea, json } = bench
    const added = await ea(['rollups', 'add', 'properties.country'])
    expect(added).toMatchObject({ code: 0, stderr: 'warning: No event has properties.country yet.\n' })
    expect(await json(['rollups', 'add', 'event_type:"a, b"'])).toMatchObject({
      rollups: [{ field: 'event_type:"a, b"', already: false, rows: 0 }],
      meta: { warnings: ['No event has event_type:"a, b" yet.'] },
    })
    await ea(['import', sample])
    await verified(bench)
    expect((await json(['rollups', 'list'])).data).toMatchObject([{ rows: expect.any(Number) }, { rows: 0 }])
    expect((await json(['rollups', 'list'])).data[0].rows).toBeGreaterThan(0)
  }))

test('what cannot be kept is refused, and nothing changes', () =>
  withBench(async (bench) => {
    const { ea, json } = bench
    const wrong = await ea(['rollups', 'add', 'properties.country', 'purchase'])
    expect(wrong).toMatchObject({ code: 2, stdout: '' })
    expect(wrong.stderr).toContain(
      'error usage: expected properties.NAME or event_type:NAME; did you mean properties.purchase or event_type:purchase?\n  purchase\n  ^\n',
    )
    for (const args of [['add'], ['add', 'user_id'], ['remove'], ['add', `properties.${'x'.repeat(256)}`]]) {
      const ended = await json(['rollups', ...args])
      expect([ended.code, ended.error?.code], args.join(' ')).toEqual([2, 'usage'])
    }
    const many = await json(['rollups', 'add', ...Array.from({ length: 33 }, (_, n) => `properties.p${n}`)])
    expect([many.code, many.error.code]).toEqual([2, 'too_many_rollups'])
    expect(await stored(bench)).toEqual(nothing)

    await ea(['rollups', 'add', 'properties.country'])
    const unknown = await json(['rollups', 'remove', 'properties.country', 'properties.contry'])
    expect([unknown.code, unknown.error.code]).toEqual([2, 'rollup_not_found'])
    expect(unknown.error.message).toBe('There is no rollup of the property "contry".')
    expect(await stored(bench)).toMatchObject({ kept: 1 })

    for (const args of [['add', 'properties.country'], ['list'], ['remove', 'properties.country']]) {
      const ended = await json(['rollups', ...args, '--schema', 'elsewhere'])
      expect([ended.code, ended.error?.code], args.join(' ')).toEqual([5, 'database_not_migrated'])
    }
  }))

test('killed or interrupted half-way, nothing is kept and nothing is in the way', () =>
  withBench(async (bench) => {
    const { ea, sql } = bench
    await ea(['import', sample])
    const killed = await ea(['rollups', 'add', ...fields], { env: { EA_FAILPOINT: 'rollups.filled@2=kill' } })
    expect(killed.code).toBe(null)
    expect(await stored(bench)).toEqual(nothing)

    await bench.locked(visibilityLock, async (release) => {
      const isWaiting = async () =>
        (
          await sql(
            `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'`,
          )
        ).length > 0
      const interrupted = await ea(['rollups', 'add', ...fields], {
        onStart: (child) => void until(isWaiting).then(() => child.kill('SIGINT')),
      })
      expect([interrupted.code, interrupted.stdout]).toEqual([130, ''])
      await until(async () => !(await isWaiting()))
      const patient = ea(['rollups', 'add', ...fields])
      await until(isWaiting)
      await release()
      expect((await patient).code).toBe(0)
    })
    expect(await stored(bench)).toMatchObject({ kept: fields.length })
  }))
