/** What parameters mean for the data: ranges, time zones, what counts as now, and what is complete. */
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Grain } from '../../../src/lib/core/time.js'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { completeUntil, windowState } from '../../../src/lib/stats/query/completeness.js'
import { commonParams, parseParams } from '../../../src/lib/stats/query/params.js'
import type { OpenQueryContext, RangeRequest } from '../../../src/lib/stats/query/query-context.js'
import { readQueryContext } from '../../../src/lib/stats/query/read-context.js'
import { storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { errorOf } from '../../support/temp-dir.js'

const params = z.strictObject(commonParams)

interface Asked extends z.input<typeof params> {
  readonly grain?: Grain
}

async function frameOf(db: Database, { grain = 'day', ...given }: Asked = {}, more: Partial<RangeRequest> = {}) {
  const { from, to, ...rest } = parseParams(params, given)
  const request = { first: from, last: to, grain, ...more }
  return withTransaction(db, (tx) => readQueryContext(tx, rest, request, (name) => `--${name}`), { readOnly: true })
}

/** First and last day, both included. */
async function rangeOf(db: Database, asked: Asked = {}, more: Partial<RangeRequest> = {}): Promise<unknown> {
  const { range } = (await frameOf(db, asked, more)).context
  if (range === undefined) return undefined
  const { rows } = await sql<{ last: string }>`SELECT ${range.to}::date - 1 AS last`.execute(db.q)
  return [range.from, rows[0]!.last]
}

const at = (...days: string[]) => days.map((day) => ({ at: day.includes('T') ? day : `${day}T12:00:00Z`, user: 'ann' }))

const withDays = (days: string[], use: (db: Database) => Promise<void>) =>
  withFreshDatabase(async (db) => {
    await storeEvents(db, at(...days))
    await use(db)
  })

describe('without a range', () => {
  test.each([
    // The newest day and the 30 before it are 31 days.
    [
      ['2025-01-01', '2025-08-31'],
      '2025-08-01',
      /^The newest day of the data and the 30 days before it; .*earlier start/,
    ],
    [['2025-07-31', '2025-08-31'], '2025-08-01', /^The newest day/],
    [['2025-08-01', '2025-08-31'], '2025-08-01', /^All days of the data\.$/],
    [['2025-08-20', '2025-08-31'], '2025-08-20', /^All days of the data\.$/],
    [['2025-08-31'], '2025-08-31', /^All days of the data\.$/],
  ])('of %o it is from %s on', (days, first, note) =>
    withDays(days, async (db) => {
      const { context } = await frameOf(db)
      expect(await rangeOf(db)).toEqual([first, '2025-08-31'])
      expect(context.defaultRange).toMatch(note)
      expect([context.dataFrom, context.dataUntil]).toEqual([days[0], '2025-08-31'])
    }),
  )

  test('it grows to whole windows', () =>
    withDays(['2025-01-01', '2025-08-29'], async (db) => {
      expect(await rangeOf(db)).toEqual(['2025-07-30', '2025-08-29'])
      expect(await rangeOf(db, { grain: 'week' })).toEqual(['2025-07-28', '2025-08-31'])
      expect(await rangeOf(db, { grain: 'week', weekStart: 'sunday' })).toEqual(['2025-07-27', '2025-08-30'])
      expect(await rangeOf(db, { grain: 'month' })).toEqual(['2025-07-01', '2025-08-31'])
    }))

  test('a stat may have a rule of its own, clipped alike', () =>
    withDays(['2025-01-10', '2025-08-31'], async (db) => {
      const rule = (first: string) => ({ firstBefore: () => first, firstBeforeText: 'A rule' })
      expect(await rangeOf(db, {}, rule('2025-05-05'))).toEqual(['2025-05-05', '2025-08-31'])
      expect((await frameOf(db, {}, rule('2025-05-05'))).context.defaultRange).toBe(
        'A rule; ask for an earlier start to see more.',
      )
      expect(await rangeOf(db, {}, rule('2024-05-05'))).toEqual(['2025-01-10', '2025-08-31'])
    }))

  test('no data: no range, unless one is asked for', () =>
    withFreshDatabase(async (db) => {
      for (const tz of ['UTC', 'Asia/Tokyo']) {
        const { context } = await frameOf(db, { tz })
        expect(context).toMatchObject({ range: undefined, defaultRange: null, dataFrom: null, dataUntil: null })
        expect(completeUntil(context)).toBe(null)
        expect(await rangeOf(db, { tz, from: '2025-08-01' })).toEqual(['2025-08-01', '2025-08-01'])
        expect(await rangeOf(db, { tz, to: '2025-08-31' })).toEqual(['2025-08-01', '2025-08-31'])
      }
    }))

  test('events that are not visible yet are no data', () =>
    withDays(['2025-08-10', '2025-08-12'], async (db) => {
      await storeEvents(db, at('2025-08-01', '2025-08-30'), 'loading')
      for (const tz of ['UTC', 'Asia/Tokyo']) expect(await rangeOf(db, { tz })).toEqual(['2025-08-10', '2025-08-12'])
      expect((await frameOf(db)).context.openBatches).toHaveLength(1)
    }))
})

describe('one end', () => {
  const data = ['2025-06-01', '2025-08-31']

  test.each<[Asked, [string, string]]>([
    [{ from: '2025-08-10' }, ['2025-08-10', '2025-08-31']],
    [{ from: '2025-01-01' }, ['2025-01-01', '2025-08-31']],
    // Behind the data it is that one day.
    [{ from: '2025-09-10' }, ['2025-09-10', '2025-09-10']],
    [{ to: '2025-07-15' }, ['2025-06-15', '2025-07-15']],
    [{ to: '2025-06-15' }, ['2025-06-01', '2025-06-15']],
    // Before the data there is nothing to clip to.
    [{ to: '2025-05-15' }, ['2025-04-15', '2025-05-15']],
    [{ to: '2025-09-15' }, ['2025-08-16', '2025-09-15']],
    [{ from: '2025-07', to: '2025-07' }, ['2025-07-01', '2025-07-31']],
    [{ from: '2024', to: '2025' }, ['2024-01-01', '2025-12-31']],
    [{ to: '2025-07', grain: 'week' }, ['2025-06-30', '2025-08-03']],
  ])('%o', (asked, expected) =>
    withDays(data, async (db) => {
      expect(await rangeOf(db, asked)).toEqual(expected)
      expect((await frameOf(db, asked)).context.defaultRange).toBe(null)
    }),
  )
})

describe('what counts as now', () => {
  test.each([
    // An instant, a day (its start), a month (its start), in the time zone of the question.
    ['2025-08-31T22:30:00.123456Z', 'UTC', '2025-08-31T22:30:00.123456Z', '2025-08-31T22:30:00.123456'],
    ['2025-08-31T22:30:00Z', 'Europe/Kyiv', '2025-08-31T22:30:00.000000Z', '2025-09-01T01:30:00.000000'],
    ['2025-08-31T22:30:00+05:45', 'Asia/Kathmandu', '2025-08-31T16:45:00.000000Z', '2025-08-31T22:30:00.000000'],
    ['2025-08-31', 'UTC', '2025-08-31T00:00:00.000000Z', '2025-08-31T00:00:00.000000'],
    ['2025-08-31', 'Asia/Kathmandu', '2025-08-30T18:15:00.000000Z', '2025-08-31T00:00:00.000000'],
    ['2025-08', 'America/Sao_Paulo', '2025-08-01T03:00:00.000000Z', '2025-08-01T00:00:00.000000'],
    // A day that begins at one o'clock begins at its midnight all the same.
    ['2012-04-01', 'America/Havana', '2012-04-01T05:00:00.000000Z', '2012-04-01T00:00:00.000000'],
    ['2012-04-01T05:00:00Z', 'America/Havana', '2012-04-01T05:00:00.000000Z', '2012-04-01T00:00:00.000000'],
    ['2012-04-01T05:00:01Z', 'America/Havana', '2012-04-01T05:00:01.000000Z', '2012-04-01T01:00:01.000000'],
  ])('--as-of %s --tz %s', (asOf, tz, instant, local) =>
    withFreshDatabase(async (db) => {
      expect((await frameOf(db, { asOf, tz })).context).toMatchObject({ asOf: instant, asOfLocal: local, tz })
    }),
  )

  test('is now when nothing is said; relative days count from it', () =>
    withDays(['2025-08-31'], async (db) => {
      const { rows } = await sql<{ now: Date }>`SELECT now() AS now`.execute(db.q)
      const { context } = await frameOf(db)
      expect(Math.abs(Date.parse(context.asOf) - rows[0]!.now.getTime())).toBeLessThan(60_000)
      expect(context.asOfLocal).toBe(context.asOf.slice(0, -1))
      // Midnight may pass between the two, and then the day is another one.
      const days = async () =>
        (await sql<{ day: string }>`SELECT (now() AT TIME ZONE 'UTC')::date - 1 AS day`.execute(db.q)).rows[0]!.day
      const before = await days()
      const yesterday = (await frameOf(db, { asOf: 'yesterday' })).context.asOf
      expect([before, await days()].map((day) => `${day}T00:00:00.000000Z`)).toContain(yesterday)
    }))

  test.each<[Asked, [string, string]]>([
    [{ from: '-7d', to: 'yesterday', asOf: '2025-08-31' }, ['2025-08-24', '2025-08-30']],
    [{ from: '-7d', to: 'today', asOf: '2025-08-31T23:59:59Z' }, ['2025-08-24', '2025-08-31']],
    // The same instant, already the next day there.
    [{ from: '-7d', to: 'today', asOf: '2025-08-31T23:59:59Z', tz: 'Asia/Tokyo' }, ['2025-08-25', '2025-09-01']],
    [{ from: '-1m', to: '-0d', asOf: '2025-03-31' }, ['2025-02-28', '2025-03-31']],
    [{ from: '-2w', to: '-1w', grain: 'week', asOf: '2025-08-29' }, ['2025-08-11', '2025-08-24']],
  ])('%o', (asked, expected) =>
    withDays(['2025-08-31'], async (db) => {
      expect(await rangeOf(db, asked)).toEqual(expected)
    }),
  )
})

describe('time zones', () => {
  test('the days of the data are those of the zone that is asked for', () =>
    withDays(['2025-08-01T00:30:00Z', '2025-08-31T23:30:00Z'], async (db) => {
      expect((await frameOf(db, { tz: 'America/Sao_Paulo' })).context.dataFrom).toBe('2025-07-31')
      expect(await rangeOf(db, { tz: 'America/Sao_Paulo' })).toEqual(['2025-08-01', '2025-08-31'])
      expect(await rangeOf(db, { tz: 'Europe/Kyiv' })).toEqual(['2025-08-02', '2025-09-01'])
      expect((await frameOf(db, { tz: 'Europe/Kyiv' })).context).toMatchObject({
        dataFrom: '2025-08-01',
        dataUntil: '2025-09-01',
      })
      expect((await frameOf(db, { tz: 'Europe/Kyiv' })).inReportingTz).toBe(false)
      expect((await frameOf(db, { tz: 'Etc/UTC' })).inReportingTz).toBe(true)
    }))

  test('the zone of the rollups is the default', () =>
    withDays(['2025-08-31'], async (db) => {
      await db.q.updateTable('settings').set({ reporting_tz: 'Europe/Kyiv' }).execute()
      const { context, inReportingTz } = await frameOf(db, { asOf: '2025-09-05' })
      expect(context).toMatchObject({ tz: 'Europe/Kyiv', asOf: '2025-09-04T21:00:00.000000Z' })
      expect(inReportingTz).toBe(true)
      expect((await frameOf(db, { tz: 'Europe/Kiev' })).inReportingTz).toBe(true)
      expect((await frameOf(db, { tz: 'UTC' })).inReportingTz).toBe(false)
    }))

  test('a minute after midnight that comes before the midnight of the day', () =>
    // In St. John's the clocks went back at 00:01: the day had begun, and then it was yesterday again.
    withDays(['2010-11-07T02:30:30Z', '2010-11-07T02:31:30Z'], async (db) => {
      expect((await frameOf(db, { tz: 'America/St_Johns' })).context).toMatchObject({
        dataFrom: '2010-11-06',
        dataUntil: '2010-11-07',
      })
    }))

  test('one that Node knows and the server does not is a usage error', () =>
    withFreshDatabase(async (db) => {
      // An old name that is no longer in the IANA data, but in ICU's.
      for (const asOf of [undefined, '2025-08-31', 'yesterday', '2025-08-31T12:00:00Z']) {
        const error = await errorOf(() =>
          frameOf(db, { tz: 'US/Pacific-New', ...(asOf === undefined ? {} : { asOf }) }),
        )
        expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('US/Pacific-New') })
      }
    }))
})

describe('what is refused', () => {
  test.each<[Asked, RegExp]>([
    [{ from: '2025-08-02', to: '2025-08-01' }, /^--from 2025-08-02 is after --to 2025-08-01\.$/],
    [{ from: 'today', to: '-7d' }, /^--from today is after --to -7d\.$/],
    [{ from: '1970-01-01', to: '2070-04-01' }, /^--from and --to may span 36600 days at most\.$/],
    [{ from: '1970', to: '2999' }, /36600/],
  ])('%o', (asked, message) =>
    withFreshDatabase(async (db) => {
      expect(await errorOf(() => frameOf(db, asked))).toMatchObject({
        code: 'usage',
        message: expect.stringMatching(message),
      })
    }),
  )

  test('the longest range is a hundred years', () =>
    withFreshDatabase(async (db) => {
      expect(await rangeOf(db, { from: '1970-01-01', to: '2070-03-16' })).toEqual(['1970-01-01', '2070-03-16'])
      expect((await errorOf(() => rangeOf(db, { from: '1970-01-01', to: '2070-03-17' }))).code).toBe('usage')
    }))

  test('the names are those of the stat', () =>
    withFreshDatabase(async (db) => {
      const names = { names: ['startDate', 'to'] as const }
      const error = await errorOf(() => frameOf(db, { from: '2025-08-02', to: '2025-08-01' }, names))
      expect(error.message).toMatch(/^--startDate .* --to /)
    }))
})

describe('complete', () => {
  const state = (context: OpenQueryContext, start: string, end: string) => windowState(context, start, end)

  test.each([
    // The data ends before now, now comes before the end of the data, and both on one day.
    ['2025-09-05T12:00:00Z', '2025-09-01', '2025-08-31'],
    ['2025-08-20T12:00:01Z', '2025-08-20', '2025-08-20'],
    ['2025-08-25T12:00:00Z', '2025-08-21', '2025-08-20'],
    ['2025-08-31T12:00:01Z', '2025-08-31', '2025-08-31'],
    // An event at that very instant does not count.
    ['2025-08-31T12:00:00Z', '2025-08-21', '2025-08-20'],
    ['2025-09-01', '2025-09-01', '2025-08-31'],
  ])('with data until 2025-08-31, as of %s, it is until %s', (asOf, until, dataUntil) =>
    withDays(['2025-08-01', '2025-08-20', '2025-08-31'], async (db) => {
      for (const tz of ['UTC', 'Africa/Abidjan']) {
        const { context } = await frameOf(db, { asOf, tz })
        expect([completeUntil(context), context.dataFrom, context.dataUntil]).toEqual([until, '2025-08-01', dataUntil])
      }
    }),
  )

  test('a window is ahead, a part or complete', () =>
    withDays(['2025-08-01', '2025-08-14', '2025-08-31'], async (db) => {
      const { context } = await frameOf(db, { asOf: '2025-09-02T12:00:00Z' })
      expect(state(context, '2025-08-25', '2025-09-01')).toBe('complete')
      // Behind the newest event nobody knows.
      expect(state(context, '2025-09-01', '2025-09-02')).toBe('partial')
      expect(state(context, '2025-09-02', '2025-09-03')).toBe('partial')
      expect(state(context, '2025-09-03', '2025-09-04')).toBe('ahead')
      const { context: atMidnight } = await frameOf(db, { asOf: '2025-08-15' })
      expect(state(atMidnight, '2025-08-14', '2025-08-15')).toBe('complete')
      expect(state(atMidnight, '2025-08-15', '2025-08-16')).toBe('ahead')
      expect(state(atMidnight, '2025-08-11', '2025-08-18')).toBe('partial')
    }))

  test('a day that begins as of its missing midnight is ahead', () =>
    withDays(['2012-03-01', '2012-03-31', '2012-04-10'], async (db) => {
      const { context } = await frameOf(db, { asOf: '2012-04-01', tz: 'America/Havana' })
      expect(state(context, '2012-04-01', '2012-04-02')).toBe('ahead')
      expect(state(context, '2012-03-31', '2012-04-01')).toBe('complete')
    }))
})
