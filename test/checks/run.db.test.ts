import type pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import type { CheckOutcome, CheckReport } from '../../src/lib/checks/evaluate/outcome.js'
import { explainChecks } from '../../src/lib/checks/explain.js'
import { parseCheckFile } from '../../src/lib/checks/file/check-file.js'
import { inlineChecks } from '../../src/lib/checks/file/inline.js'
import { type RunOptions, runChecks } from '../../src/lib/checks/run.js'
import { addDays } from '../../src/lib/core/time.js'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { type GivenEvent, storeBatch, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

const asOf = '2025-08-11'

/**
 * Ten weeks to Sunday 10 August 2025: 10 users a day from Monday to Friday, 4 on Saturdays, 2 on Sundays. The last week
 * has 12 from Monday to Friday, and 1 on Sunday. A year before, the same week has 5 a day.
 */
function rhythm(): GivenEvent[] {
  const events: GivenEvent[] = []
  const add = (day: string, users: number) => {
    for (let user = 0; user < users; user++) events.push({ at: `${day}T10:00:00Z`, user: `u${user}` })
  }
  for (let week = 0; week < 10; week++) {
    const isLast = week === 9
    for (let day = 0; day < 7; day++) {
      const users = day < 5 ? (isLast ? 12 : 10) : day === 5 ? 4 : isLast ? 1 : 2
      add(addDays('2025-06-02', 7 * week + day), users)
    }
  }
  for (let day = 0; day < 7; day++) add(addDays('2024-08-04', day), 5)
  return events
}

/** Checks of one stat on the database of `rhythm`. */
const asking = (stat: string, params: Record<string, string>, assert: string, more: { minBase?: string } = {}) =>
  inlineChecks({
    stat,
    assert: [assert],
    ...more,
    params: {
      '--as-of': asOf,
      ...Object.fromEntries(Object.entries(params).map(([name, value]) => [`--${name}`, value])),
    },
  })

async function found(db: Database, ...given: Parameters<typeof asking>): Promise<CheckOutcome> {
  return (await runChecks(db, asking(...given))).outcomes[0]!
}

const withRhythm = (use: (db: Database) => Promise<void>) =>
  withFreshDatabase(async (db) => {
    await storeEvents(db, rhythm())
    await use(db)
  })

const monday = { from: '2025-08-04', to: '2025-08-04' }
const sunday = { from: '2025-08-10', to: '2025-08-10' }
const lastWeek = { from: '-7d', to: 'yesterday' }

describe('changes on a weekly rhythm', () => {
  // Each line: params, assertion, value, base, the base windows.
  const rows: [Record<string, string>, string, number, number, [string, string][]][] = [
    [
      monday,
      'sum(value) change vs same_weekday(4w) >= 20%',
      0.2,
      10,
      [
        ['2025-07-28', '2025-07-28'],
        ['2025-07-21', '2025-07-21'],
        ['2025-07-14', '2025-07-14'],
        ['2025-07-07', '2025-07-07'],
      ],
    ],
    [sunday, 'sum(value) change vs same_weekday(1w) between -50% and 0%', -0.5, 2, [['2025-08-03', '2025-08-03']]],
    // What same_weekday is for: a Monday is always more than its Sunday.
    [monday, 'sum(value) change vs previous_period = 500%', 5, 2, [['2025-08-03', '2025-08-03']]],
    [lastWeek, 'sum(value) change vs previous_period > 16%', 65 / 56 - 1, 56, [['2025-07-28', '2025-08-03']]],
    [
      { from: '-1w', to: 'yesterday', grain: 'week' },
      'value change vs previous_period > 16%',
      65 / 56 - 1,
      56,
      [['2025-07-28', '2025-08-03']],
    ],
    [lastWeek, 'sum(value) change vs previous_year > 85%', 65 / 35 - 1, 35, [['2024-08-04', '2024-08-10']]],
    [lastWeek, 'max(value) change vs previous_period = 20%', 0.2, 10, [['2025-07-28', '2025-08-03']]],
  ]

  test('values, bases and windows', () =>
    withRhythm(async (db) => {
      for (const [params, assert, value, base, windows] of rows) {
        const outcome = await found(db, 'trend', params, assert)
        expect({ ...outcome, name: '' }, `${assert} ${outcome.reason}`).toMatchObject({
          status: 'pass',
          valueKind: 'rate',
          base,
          baseWindows: windows.map(([from, to]) => ({ from, to })),
          value: expect.closeTo(value, 12),
        })
      }
    }))

  // Each line: stat, params, assertion, what the reason says.
  const undecided: [string, Record<string, string>, string, RegExp, string?][] = [
    [
      'trend',
      { from: '2026-01-01', to: '2026-01-07' },
      'sum(value) >= 0',
      /2026-01-01 to 2026-01-07 is after the data/,
    ],
    [
      'trend',
      { from: '2024-01-01', to: '2024-01-07' },
      'sum(value) >= 0',
      /is before the data, which begins on 2024-08-04/,
    ],
    [
      'dau',
      { from: 'today', to: 'today', 'as-of': '2025-08-10' },
      'unique_users >= 0',
      /2025-08-10 is after the data, which ends on 2025-08-09/,
    ],
    [
      'dau',
      { from: '-7d', to: 'today' },
      'min(unique_users) >= 0',
      /2025-08-11 is not complete yet: the data ends on 2025-08-10/,
    ],
    [
      'top-events',
      { from: '-7d', to: 'today' },
      'events[event_type=view] >= 0',
      /2025-08-04 to 2025-08-11 is not complete/,
    ],
    [
      'trend',
      { from: '2024-08-04', to: '2024-08-10' },
      'sum(value) change vs previous_period > 0%',
      /the base 2024-07-28 to 2024-08-03 begins before the data/,
    ],
    [
      'trend',
      { from: '2025-06-02', to: '2025-06-02' },
      'sum(value) change vs previous_period > 0%',
      /was 0 in the base.*cannot divide by 0/,
    ],
    [
      'trend',
      { from: '1970-01-03', to: '1970-01-04' },
      'sum(value) change vs previous_year > 0%',
      /is before the data/,
    ],
    ['trend', monday, 'sum(value) change vs same_weekday(4w) > 0%', /too few to decide: the base .* 10\b.*11/, '11'],
    ['dau', { from: '-7d', to: 'yesterday' }, 'unique_users >= 0', /7 rows: pick one/],
    [
      'top-events',
      { from: '-7d', to: 'yesterday' },
      'events[event_type=veiw] >= 0',
      /no row has event_type=veiw; did you mean view\?/,
    ],
  ]

  test('what cannot be decided says why', () =>
    withRhythm(async (db) => {
      for (const [stat, params, assert, reason, minBase] of undecided) {
        const outcome = await found(db, stat, params, assert, minBase === undefined ? {} : { minBase })
        expect([outcome.status, outcome.value], `${stat} ${assert}`).toEqual(['unknown', null])
        expect(outcome.reason, `${stat} ${assert}`).toMatch(reason)
      }
    }))
})

test('an outcome says what was counted, where, and in which days, also when it passes', () =>
  withRhythm(async (db) => {
    const text = `defaults: { as_of: ${asOf} }
checks:
  - name: Enough people
    stat: dau
    params: { from: yesterday, to: yesterday, tz: UTC }
    assert: unique_users >= 1
`
    const { outcomes, counts, exitCode, asOf: now } = await runChecks(db, parseCheckFile({ file: 'm.yaml', text }))
    expect(outcomes).toEqual([
      {
        name: 'Enough people',
        status: 'pass',
        stat: 'dau',
        assert: 'unique_users >= 1',
        threshold: '>= 1',
        value: 1,
        valueKind: 'count',
        base: null,
        baseWindows: [],
        rows: [],
        warnings: [],
        window: { from: '2025-08-10', to: '2025-08-10', tz: 'UTC' },
        definition: 'Different users with at least one event in each day.',
        reason: 'unique_users is 1, which is >= 1',
        place: { file: 'm.yaml', line: 3, column: 5 },
      },
    ])
    expect({ counts, exitCode, now }).toEqual({
      counts: { pass: 1, warn: 0, fail: 0, unknown: 0 },
      exitCode: 0,
      now: '2025-08-11T00:00:00.000000Z',
    })
  }))

describe('freshness', () => {
  const age = async (db: Database, at: string, assert = 'freshness <= 14h') =>
    (await runChecks(db, inlineChecks({ params: { '--as-of': at }, assert: [assert] }))).outcomes[0]!

  test('is the age of the newest visible event that is not in the future', () =>
    withRhythm(async (db) => {
      expect(await age(db, asOf)).toMatchObject({ status: 'pass', value: 14 * 3600, valueKind: 'seconds' })
      expect(await age(db, '2025-08-11T00:00:01Z')).toMatchObject({ status: 'fail', value: 14 * 3600 + 1 })
      // All events of that day come later.
      expect(await age(db, '2025-08-10T09:00:00Z')).toMatchObject({ value: 23 * 3600 })
      await withTransaction(db, (tx) => storeBatch(tx, [{ at: '2025-08-10T23:00:00Z', user: 'u1' }], 'loading'))
      expect(await age(db, asOf)).toMatchObject({ value: 14 * 3600 })
      expect(await age(db, '2024-01-01')).toMatchObject({ status: 'unknown', value: null })
    }))

  test('finds the newest event also where days are days of another zone', () =>
    withFreshDatabase(async (db) => {
      await db.q.updateTable('settings').set({ reporting_tz: 'Pacific/Apia' }).execute()
      await storeEvents(db, [
        { at: '2025-08-09T11:00:00Z', user: 'ann' },
        { at: '2025-08-01T11:00:00Z', user: 'ann' },
      ])
      expect(await age(db, '2025-08-09T12:00:00Z')).toMatchObject({ value: 3600 })
    }))
})

describe('the quality of imports', () => {
  const quality = async (db: Database, assert: string) =>
    (await runChecks(db, inlineChecks({ params: {}, assert: [assert] }))).outcomes[0]!

  const importing = (db: Database, rejected: number, duplicates: number, hoursAgo: number, status = 'completed') =>
    db.q
      .insertInto('import_batches')
      .values({
        source: 'file',
        file: 'a.csv',
        reading: '{}',
        chunk_bytes: 1,
        rejected,
        duplicates,
        read: 100,
        inserted: 100 - rejected - duplicates,
        status: status as 'completed',
        finished_at: new Date(Date.now() - hoursAgo * 3_600_000),
      })
      .execute()

  test('is that of the last completed batches, or of those of so long ago', () =>
    withFreshDatabase(async (db) => {
      expect(await quality(db, 'rejected <= 100%')).toMatchObject({
        status: 'unknown',
        reason: 'no import was completed',
      })
      await importing(db, 8, 0, 49)
      await importing(db, 2, 30, 25)
      await importing(db, 1, 20, 1)
      await importing(db, 90, 0, 0, 'failed')
      const rows: [string, CheckOutcome['status'], number | null][] = [
        ['rejected <= 1%', 'pass', 0.01],
        ['rejected < 1', 'fail', 1],
        ['rejected(2) <= 1%', 'fail', 0.015],
        ['rejected(10) = 11', 'pass', 11],
        ['rejected(26h) = 3', 'pass', 3],
        ['rejected(3d) <= 3.6%', 'fail', 11 / 300],
        ['duplicates(2) <= 25%', 'pass', 0.25],
        ['duplicates(30m) <= 25%', 'unknown', null],
      ]
      for (const [assert, status, value] of rows) {
        expect(await quality(db, assert), assert).toMatchObject({ status, value, window: null })
      }
    }))
})

test('severity, on_unknown and failOn decide the verdict', () =>
  withRhythm(async (db) => {
    const verdict = async (lines: string, options: RunOptions = {}): Promise<[string, number]> => {
      const text = `defaults: { as_of: ${asOf} }\nchecks:\n  - { name: A, stat: dau, params: { from: yesterday, to: yesterday }, ${lines} }\n`
      const report = await runChecks(db, parseCheckFile({ file: 'm.yaml', text }), options)
      return [report.outcomes[0]!.status, report.exitCode]
    }
    const [fails, unknown] = ['assert: unique_users > 5', 'assert: unique_users > 5, min_base: 50']
    expect(await verdict(fails)).toEqual(['fail', 6])
    expect(await verdict(`${fails}, severity: warn`)).toEqual(['warn', 0])
    expect(await verdict(`${fails}, severity: warn`, { failOn: 'warn' })).toEqual(['warn', 6])
    expect(await verdict(unknown)).toEqual(['unknown', 7])
    expect(await verdict(`${unknown}, severity: warn`)).toEqual(['unknown', 7])
    expect(await verdict(`${unknown}, on_unknown: pass`)).toEqual(['pass', 0])
    expect(await verdict(`${unknown}, on_unknown: warn`)).toEqual(['warn', 0])
    expect(await verdict(`${unknown}, on_unknown: warn`, { failOn: 'warn' })).toEqual(['warn', 6])
    expect(await verdict(`${unknown}, on_unknown: fail`)).toEqual(['fail', 6])
  }))

test('a failed check weighs more than an unknown one, and all are counted', () =>
  withRhythm(async (db) => {
    const checks = [
      ...asking('dau', sunday, 'unique_users > 5'),
      ...asking('dau', sunday, 'unique_users > 0'),
      ...asking('dau', { from: 'today', to: 'today' }, 'unique_users > 5'),
    ]
    const report = await runChecks(db, checks)
    expect([report.counts, report.exitCode]).toEqual([{ pass: 1, warn: 0, fail: 1, unknown: 1 }, 6])
  }))

test('an empty database decides nothing', () =>
  withFreshDatabase(async (db) => {
    const asserted: [string, string][] = [
      ['dau', 'min(unique_users) >= 0'],
      ['dau', 'count() >= 0'],
      ['trend', 'sum(value) >= 0'],
      ['trend', 'sum(value) change vs previous_period >= -99%'],
      ['top-events', 'count() >= 0'],
      ['retention', 'mean(rates[1]) >= 0%'],
      ['lifecycle', 'sum(new) >= 0'],
      ['stickiness', 'users[periods_active=1] >= 0'],
    ]
    for (const [stat, assert] of asserted) {
      expect(await found(db, stat, {}, assert), `${stat} ${assert}`).toMatchObject({ status: 'unknown', value: null })
    }
    const report = await runChecks(db, inlineChecks({ params: {}, assert: ['freshness <= 1000d', 'rejected <= 100%'] }))
    expect([report.counts.unknown, report.exitCode]).toEqual([2, 7])
  }))

/** Runs checks and gives every statement that was sent. */
async function statementsOf(db: Database, run: () => Promise<CheckReport>): Promise<string[]> {
  const sent: string[] = []
  const connect = db.pool.connect.bind(db.pool) as () => Promise<pg.PoolClient>
  vi.spyOn(db.pool, 'connect').mockImplementation((async () => {
    const client = await connect()
    const query = client.query.bind(client) as (...given: unknown[]) => unknown
    vi.spyOn(client, 'query').mockImplementation(((...given: unknown[]) => {
      const [first] = given as [string | { text: string }]
      sent.push(typeof first === 'string' ? first : first.text)
      return query(...given)
    }) as typeof client.query)
    return client
  }) as typeof db.pool.connect)
  try {
    await run()
  } finally {
    vi.restoreAllMocks()
  }
  return sent
}

test('all checks run in one transaction, and the same question is asked once', () =>
  withRhythm(async (db) => {
    const text = `defaults: { as_of: ${asOf} }
checks:
  - { name: a, stat: dau, params: { from: -7d, to: yesterday }, assert: min(unique_users) >= 1 }
  - { name: b, stat: dau, params: { to: yesterday, from: -7d }, assert: max(unique_users) <= 100 }
  - { name: c, stat: dau, params: { from: -7d, to: yesterday, grain: day }, assert: max(unique_users) <= 100 }
`
    const checks = parseCheckFile({ file: 'm.yaml', text })
    const asked = (sent: readonly string[]) => sent.filter((statement) => statement.includes('WITH calendar')).length
    const once = await statementsOf(db, () => runChecks(db, checks))
    expect(asked(once)).toBe(1)
    expect(once.filter((statement) => statement.startsWith('BEGIN'))).toEqual([
      expect.stringMatching(/^BEGIN ISOLATION LEVEL repeatable read READ ONLY\b/i),
    ])
    expect([once[0], once.at(-1)]).toEqual([expect.stringMatching(/^BEGIN/), 'COMMIT'])

    // Two checks with the same four bases: a question and four more.
    const changes = ['>= 0%', '<= 50%'].flatMap((limit) =>
      asking('trend', monday, `sum(value) change vs same_weekday(4w) ${limit}`),
    )
    expect(asked(await statementsOf(db, () => runChecks(db, changes)))).toBe(5)
  }))

test('events of an import that is under way do not count', () =>
  withRhythm(async (db) => {
    const many = Array.from({ length: 50 }, (_, user) => ({ at: '2025-08-10T12:00:00Z', user: `new${user}` }))
    await withTransaction(db, (tx) => storeBatch(tx, many, 'loading'))
    expect(await found(db, 'dau', sunday, 'unique_users = 1')).toMatchObject({ status: 'pass' })
    expect(await found(db, 'dau', { ...sunday, segment: 'user_id~new' }, 'unique_users = 0')).toMatchObject({
      status: 'pass',
    })
  }))

test('a question that cannot be asked of this data names its check', () =>
  withRhythm(async (db) => {
    const text = `defaults: { as_of: ${asOf} }\nchecks:\n  - { name: A, stat: dau, params: { from: today, to: 2025-01-01 }, assert: min(unique_users) > 1 }\n`
    await expect(runChecks(db, parseCheckFile({ file: 'm.yaml', text }))).rejects.toMatchObject({
      code: 'usage',
      message: 'm.yaml:3:5: A: from today is after to 2025-01-01.',
    })
  }))

test('explaining shows each statement that would be run, those of the bases too', () =>
  withRhythm(async (db) => {
    const checks = [
      ...asking('trend', monday, 'sum(value) change vs same_weekday(2w) >= 0%'),
      ...inlineChecks({ params: { '--as-of': asOf }, assert: ['freshness <= 26h', 'rejected(3) <= 1%'] }),
    ]
    const explained = await explainChecks(db, checks)
    expect(explained.map(({ assert, statements }) => [assert, statements.length])).toEqual([
      ['sum(value) change vs same_weekday(2w) >= 0%', 3],
      ['freshness <= 26h', 1],
      ['rejected(3) <= 1%', 1],
    ])
    const days = explained[0]!.statements.map(({ parameters }) => parameters[0])
    expect(days).toEqual(['2025-08-04', '2025-07-28', '2025-07-21'])
    // Each of them runs.
    for (const { sql, parameters } of explained.flatMap(({ statements }) => statements)) {
      await db.pool.query(sql, [...parameters])
    }
  }))
