/** A report says what the library says, in valid HTML that needs nothing else, whatever the data is. */
import { HtmlValidate } from 'html-validate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, withPool } from '../../src/lib/db/connect.js'
import { reportHtml } from '../../src/lib/report/html.js'
import { reportMarkdown } from '../../src/lib/report/markdown.js'
import type { GivenReport } from '../../src/lib/report/options.js'
import { type Report, reportOf } from '../../src/lib/report/report.js'
import { reportJson } from '../../src/lib/report/report-json.js'
import { reportPictures } from '../../src/lib/report/svg-files.js'
import { dau } from '../../src/lib/stats/dau.js'
import { funnel } from '../../src/lib/stats/funnel.js'
import { lifecycle } from '../../src/lib/stats/lifecycle.js'
import { retention } from '../../src/lib/stats/retention.js'
import { stickiness } from '../../src/lib/stats/stickiness.js'
import { topEvents } from '../../src/lib/stats/top-events.js'
import { trend } from '../../src/lib/stats/trend.js'
import { readXml } from '../checks/reporters/xml-reader.js'
import { type GivenEvent, storeEvents } from '../support/events.js'
import { freshDatabase, withFreshDatabase } from '../support/postgres/database.js'
import { tableOf, tablesOf, textOf } from './reading.js'

const types = ['open', 'view', 'purchase', '<img src=x onerror=alert(1)>', '"&amp;\'</title></svg>']
/** Eight weeks from Monday 4 August 2025 on: users come on some day, some come back, some buy. */
function someEvents(): GivenEvent[] {
  const days = 56
  return Array.from({ length: 900 }, (_, index) => {
    const user = index % 100
    const isHostile = user === 5
    const visit = Math.floor(index / 100)
    const firstDay = Math.floor((user * days) / 100)
    const day = Math.min(days - 1, firstDay + ((visit * (user % 7)) % 25))
    return {
      at: new Date(Date.UTC(2025, 7, 4 + day, (index * 5) % 24, index % 60)).toISOString(),
      user: isHostile ? '</script><b>&' : `u${user}`,
      type: types[(visit + user) % (isHostile ? 5 : 4)]!,
      properties: { country: user % 3 === 0 ? 'UA' : 'PL' },
    }
  })
}
const steps = ['open', 'view', 'purchase']
const asOf = '2025-10-01T06:00:00Z'

let db: Database
let close: () => void
let closed: Promise<void>
beforeAll(async () => {
  const { url, drop } = await freshDatabase()
  await new Promise<void>((opened) => {
    closed = withPool({ url, schema: 'ea' }, async (pool) => {
      db = pool
      await storeEvents(db, someEvents())
      opened()
      await new Promise<void>((resolve) => {
        close = resolve
      })
    }).then(drop)
  })
})
afterAll(async () => {
  close()
  await closed
})

const validator = new HtmlValidate({ extends: ['html-validate:recommended'], rules: { 'long-title': 'off' } })

async function isWellMade(report: Report): Promise<string> {
  const html = await reportHtml(report)
  const { results } = await validator.validateString(html)
  const messages = results.flatMap((result) =>
    result.messages.map((one) => `${one.ruleId} ${one.line}: ${one.message}`),
  )
  expect(messages).toEqual([])
  const first = (pattern: RegExp, text = html) => pattern.exec(text)?.[0]
  expect(first(/<(script|img|link|iframe|object|embed|base|form)\b/)).toBeUndefined()
  expect(first(/https?:\/\/|["'(]\/\/[a-z]|@import|url\(|\bon[a-z]+="/i)).toBeUndefined()
  expect(first(/.{20}(undefined|NaN|\[object)/)).toBeUndefined()
  for (const { name, svg } of await reportPictures(report)) expect(readXml(svg).name, name).toBe('svg')
  expect(first(/undefined|NaN|\[object/, reportMarkdown(report))).toBeUndefined()
  return html
}

const ranges: [string, GivenReport][] = [
  ['the default range', { asOf }],
  ['one with a period before it', { asOf, from: '2025-09-08', to: '2025-09-21', step: steps, window: '7d' }],
  [
    'one with a segment, a zone and a week',
    {
      asOf,
      from: '2025-08-20',
      to: '2025-09-10',
      segment: ['properties.country:UA'],
      tz: 'Asia/Kathmandu',
      weekStart: 'sunday',
      step: steps,
    },
  ],
  ['one that runs on behind the data', { asOf, from: '2025-09-20', to: '2025-10-20' }],
]

describe.each(ranges)('%s', (_, given) => {
  test('every number equals that of the library', async () => {
    const report = await reportOf(db, given)
    const html = await isWellMade(report)
    const { from, to } = report.range as { from: string; to: string }
    const { step, window, from: _from, to: _to, ...shared } = given
    const own = { ...shared, from, to } as { from: string; to: string; asOf: string }

    const users = await dau(db, own)
    expect(tableOf(html, 'Active users').rows).toEqual(
      users.data.map((row) => [row.date, row.unique_users ?? '-', row.complete ? 'yes' : 'no']),
    )
    const top = await topEvents(db, own)
    expect(tableOf(html, 'Top events').rows).toEqual(top.data.map((row) => [row.event_type, row.events, row.share]))

    const windows = report.sections[2]!.result.meta.windows as number
    const cohorts = await retention(db, { ...(shared as { asOf: string }), startDate: from, to, windows })
    const blank = (value: unknown, users: unknown) => value ?? (users === null ? '' : '-')
    const heat = tableOf(html, 'Share of each cohort that came back, by the number of the window')
    expect(heat.rows).toEqual(
      cohorts.data.map(({ cohort, size, users: counts, rates }) => [
        cohort,
        size ?? '-',
        ...(rates as unknown[]).map((rate, index) => blank(rate, (counts as unknown[])[index])),
      ]),
    )
    expect(heat.footer).toEqual([
      'mean',
      cohorts.footer!.size ?? '-',
      ...(cohorts.footer!.rates as (number | null)[]).map((rate) => rate ?? ''),
    ])
    const counts = tableOf(html, 'Users of each cohort that came back, by the number of the window')
    expect(counts.rows).toEqual(
      cohorts.data.map(({ cohort, size, users: all }) => [
        cohort,
        size ?? '-',
        ...(all as unknown[]).map((n) => n ?? '-'),
      ]),
    )
    if (step !== undefined) {
      const answer = await funnel(db, { ...own, step: [...step], ...(window !== undefined && { window }) })
      expect(tableOf(html, 'Funnel').rows).toEqual(
        answer.data.map((row) => Object.values(row).map((value) => value ?? '-')),
      )
    } else expect(() => tableOf(html, 'Funnel')).toThrow('no table')

    const numbers = tableOf(html, 'The numbers of the range and of the period of the same length before it').rows
    const values = Object.fromEntries(numbers.map(([name, value]) => [name, value]))
    const sum = (rows: readonly object[], column: string) =>
      rows.reduce((total, row) => total + ((row as Record<string, number | null>)[column] ?? 0), 0)
    expect(values).toEqual({
      'Active users': sum((await stickiness(db, own)).data, 'users'),
      Events: sum((await trend(db, own)).data, 'value'),
      'New users': sum((await lifecycle(db, own)).data, 'new'),
      'Week-one retention': (cohorts.meta.mean as { rates: (number | null)[] }).rates[1] ?? '-',
    })
    for (const { result } of report.sections) expect(textOf(html)).toContain(String(result.meta.definition))
    // JSON has the same numbers.
    const json = reportJson(report) as { sections: { data: unknown }[] }
    expect(json.sections[0]!.data).toEqual(users.data)
  })
})

test('a change is that between the answers for the two periods', async () => {
  const report = await reportOf(db, { asOf, from: '2025-09-08', to: '2025-09-21' })
  const before = { from: '2025-08-25', to: '2025-09-07', asOf }
  const now = { from: '2025-09-08', to: '2025-09-21', asOf }
  const events = async (days: typeof now) =>
    (await trend(db, days)).data.reduce((sum, { value }) => sum + (value as number), 0)
  const found = report.headlines.find(({ name }) => name === 'Events')!
  expect(found.base).toEqual({ from: before.from, to: before.to, value: await events(before) })
  expect(found.change).toBeCloseTo((await events(now)) / (await events(before)) - 1, 12)
  const rate = report.headlines.find(({ name }) => name === 'Week-one retention')!
  const mean = async (days: typeof now) => {
    const { meta } = await retention(db, { startDate: days.from, to: days.to, asOf })
    return (meta.mean as { rates: number[] }).rates[1]!
  }
  expect(rate.change).toBeCloseTo((await mean(now)) - (await mean(before)), 12)
  expect(report.headlines.map(({ unknown }) => unknown)).toEqual([null, null, null, null])
})

describe('a change is unknown', () => {
  const reasons = async (given: GivenReport) => (await reportOf(db, given)).headlines.map(({ unknown }) => unknown)

  test('where the period before is not in the data', async () => {
    const [users, events, created] = await reasons({ asOf, from: '2025-08-10', to: '2025-08-20' })
    expect(users).toBe('the period before begins on 2025-07-30, the data only on 2025-08-04')
    expect([events, created]).toEqual([users, users])
  })

  test('where the range is not complete, by the clock or by the data', async () => {
    const early = await reasons({ asOf: '2025-09-20T12:00:00Z', from: '2025-09-15', to: '2025-09-20' })
    expect(early[0]).toBe('the range is not complete: 2025-09-20 and later days are still open')
    const late = await reasons({ asOf, from: '2025-09-20', to: '2025-09-30' })
    expect(late[0]).toBe('the range is not complete: 2025-09-29 and later days are still open')
  })

  test('where the period before has none', async () => {
    const given = { asOf, from: '2025-08-20', to: '2025-08-24', segment: ['event_type:nothing'] }
    const { headlines, warnings } = await reportOf(db, given)
    expect(headlines[1]).toMatchObject({ value: 0, change: null, unknown: 'the period before has none' })
    expect(warnings.join(' ')).toContain('nothing')
  })

  test('where no week after is complete', async () => {
    const reason = (await reasons({ asOf, from: '2025-09-22', to: '2025-09-28' }))[3]
    expect(reason).toBe('no cohort is complete in the week after')
  })
})

test('without days it ends with the newest complete one', async () => {
  const { range } = await reportOf(db, { asOf: '2025-09-20T12:00:00Z' })
  expect(range).toMatchObject({ from: '2025-08-20', to: '2025-09-19', completeUntil: '2025-09-20' })
  const { range: kept } = await reportOf(db, { asOf: '2025-09-20T12:00:00Z', from: '2025-09-20' })
  expect(kept.from).toBe('2025-09-20')
})

test('no data in the range: zeros, and the report says why', async () => {
  const report = await reportOf(db, { asOf, from: '2020-01-01', to: '2020-01-10', step: steps })
  const html = await isWellMade(report)
  expect(textOf(html)).toContain('The range is before the data.')
  expect(report.headlines.map(({ value }) => value)).toEqual([0, 0, 0, null])
  const behind = await reportOf(db, { asOf, from: '2025-10-05', to: '2025-10-08' })
  expect(textOf(await isWellMade(behind))).toContain('The range is after the data.')
})

test('an empty database: a report that says so', () =>
  withFreshDatabase(async (empty) => {
    const report = await reportOf(empty, { step: steps, title: 'Nothing' })
    const html = await isWellMade(report)
    expect(textOf(html)).toContain('There are no events yet')
    expect(textOf(html)).toContain('Nothing has been imported yet.')
    expect(reportMarkdown(report)).toContain('No data.')
    expect(report.headlines.every(({ unknown }) => unknown === 'there are no events yet')).toBe(true)
  }))

test('texts that mean harm stay texts, in titles, types and segments', async () => {
  const title = '</title><script>alert(1)</script>"\u0000\u202e&lt;'
  const given = { asOf, title, from: '2025-08-04', segment: [`user_id:"</script><b>&"`], step: ['open', 'view'] }
  const report = await reportOf(db, given)
  const html = await isWellMade(report)
  expect(html).not.toContain('<script')
  expect(textOf(html)).toContain('</title><script>alert(1)</script>"\\u0000\\u202e&lt;')
  expect(tablesOf(html).flatMap(({ rows }) => rows.map(([first]) => first))).toContain(types[4])
  expect(textOf(html)).toContain('user_id:"</script><b>&"')
  const md = reportMarkdown(report)
  expect(md).not.toContain('<script>')
  expect(md).toContain('\\<script\\>')
})

test('steps that are none, and a window without steps, are refused before anything is asked', async () => {
  await expect(reportOf(db, { step: ['open'] })).rejects.toMatchObject({ code: 'usage' })
  await expect(reportOf(db, { window: '7d' })).rejects.toMatchObject({ code: 'usage' })
  await expect(reportOf(db, { step: steps, window: 'soon' })).rejects.toMatchObject({ code: 'usage' })
  await expect(reportOf(db, { from: '2025-09-02', to: '2025-09-01' })).rejects.toMatchObject({ code: 'usage' })
  await expect(reportOf(db, { title: '' })).rejects.toMatchObject({ code: 'usage' })
})

test('a long range has weeks or months instead of days, and stays small', async () => {
  const year = await reportOf(db, { asOf, from: '2024-10-01', to: '2025-09-28' })
  expect(year.sections[0]!.result.meta.grain).toBe('week')
  const ages = await reportOf(db, { asOf, from: '1990-01-01', to: '2025-09-28' })
  expect(ages.sections[0]!.result.meta.grain).toBe('month')
  expect(ages.sections[2]!.result.data).toHaveLength(53)
  expect((await isWellMade(ages)).length).toBeLessThan(300_000)
})
