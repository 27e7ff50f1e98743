/** The schemas of stats say what the stats really answer, and the examples are real. */
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Result, Row } from '../../../src/lib/core/result.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { exampleAnswer, exampleParams, schemaName } from '../../../src/lib/serve/openapi/stat-schemas.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { drillDown } from '../../../src/lib/stats/query/drill-down.js'
import { givenParams, paramsOf, snake } from '../../../src/lib/stats/query/params.js'
import { runStat } from '../../../src/lib/stats/query/run-stat.js'
import type { Stat } from '../../../src/lib/stats/query/stat.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { sharedDatabase } from '../../support/postgres/shared-database.js'
import { document, problemsOf } from './openapi-judge.js'

const db = sharedDatabase()
const example = fileURLToPath(new URL('../../../examples/events.csv', import.meta.url))

beforeAll(async () => {
  await importFiles(db(), [example])
})

const answerOf = (stat: Stat) => ({ $ref: `#/components/schemas/${schemaName(stat, 'Answer')}` })
/** An answer as a program gets it. */
const plain = ({ metric, columns, data, meta }: Result) => {
  const json = columns.filter(({ kind }) => kind === 'json').map(({ name }) => name)
  const said = (row: Row) => Object.fromEntries(json.map((name) => [name, JSON.parse((row[name] ?? null) as string)]))
  return JSON.parse(JSON.stringify({ metric, data: data.map((row) => ({ ...row, ...said(row) })), meta }))
}
const statCalled = (name: string) => stats.find((stat) => stat.name === name)!
const needed = (name: string) => (name === 'funnel' ? { step: ['app_open', 'purchase'] } : {})

/** Each of the parameters that a stat takes, one after the other, with a value of its kind. */
function variants(stat: Stat): Record<string, unknown>[] {
  const texts: Record<string, unknown[]> = {
    from: ['2025-02-01'],
    to: ['2025-02-10'],
    startDate: ['2025-02-01'],
    segment: [['properties.country:PL']],
    tz: ['Asia/Tokyo'],
    asOf: ['2025-02-15', '2024-01-01', '2025-02-15T12:34:56.789Z'],
    by: ['properties.country', 'event_type', 'properties.nothing', ['event_type', 'properties.nothing']],
    measure: ['unique_users', 'sum(properties.price)', ['events', 'p90(properties.price) of view_item']],
    let: [['a=events'], ['a=events', 'b=sum(properties.price)']],
    formula: ['1 / 2'],
    startEvent: ['app_open'],
    returnEvent: ['purchase[properties.amount>10]'],
    step: [
      ['purchase', 'no such event', 'app_open'],
      ['no such event', 'purchase'],
    ],
    window: ['90s'],
    exclude: [['page_view']],
    eventType: ['purchase'],
  }
  const one = paramsOf(stat.params).flatMap(({ name, kind, choices }) => {
    const values =
      kind === 'choice' ? choices : kind === 'flag' ? [true, false] : kind === 'number' ? [1, 2] : texts[name]
    if (values === undefined) throw new Error(`${stat.name} has a new parameter ${name}: give it a value here`)
    return values.map((value) => ({ [name]: value }))
  })
  const beyond =
    stat.name === 'retention' ? { startDate: '2025-02-20', to: '2026-01-10' } : { from: '2025-02-20', to: '2025-03-20' }
  return [{}, ...one, beyond, { ...beyond, asOf: '2025-02-25' }].map((given) => ({ ...needed(stat.name), ...given }))
}

/** Which cells can be null, or hold nulls. */
function nullableColumns({ row }: Stat): readonly string[] {
  return Object.entries(row.shape).flatMap(([name, cell]) => {
    const core = cell instanceof z.ZodOptional ? cell.unwrap() : cell
    const value = core instanceof z.ZodArray ? core.element : core
    return value instanceof z.ZodNullable ? [name] : []
  })
}

describe.each(stats.map(({ name }) => name))('%s', (name) => {
  const stat = statCalled(name)

  test('answers what its schema says, whatever it is asked', async () => {
    for (const given of variants(stat)) {
      const answer = plain(await runStat(db(), stat, given))
      expect(problemsOf(answerOf(stat), answer), JSON.stringify(given)).toEqual([])
    }
  })

  test('has null where its schema allows null, and only there', async () => {
    const withNulls = new Set<string>()
    for (const given of variants(stat)) {
      for (const row of (await runStat(db(), stat, given)).data) {
        for (const [column, cell] of Object.entries(row)) {
          if ([cell].flat().includes(null)) withNulls.add(column)
        }
      }
    }
    expect([...withNulls].sort()).toEqual([...nullableColumns(stat)].sort())
  })

  test('its schema refuses a key too many, one too few and a value of another kind', async () => {
    const answer = plain(await runStat(db(), stat, needed(name)))
    const [first, ...others] = answer.data
    const firstColumn = Object.keys(first)[0]!
    const { [firstColumn]: _, ...lacking } = first
    for (const wrong of [
      { ...answer, more: 1 },
      { ...answer, meta: { ...answer.meta, more: 1 } },
      { ...answer, data: [{ ...first, more: 1 }, ...others] },
      { ...answer, data: [lacking, ...others] },
      { ...answer, data: [{ ...first, [firstColumn]: {} }, ...others] },
      { ...answer, metric: 'other' },
    ]) {
      expect(problemsOf(answerOf(stat), wrong)).not.toEqual([])
    }
  })

  test.skipIf(stat.drillDown === undefined)('the users behind a number are what their schema says', async () => {
    const cells: Record<string, string> = {
      'top-events': 'purchase',
      retention: '2025-01-06:1',
      funnel: '1',
      lifecycle: '2025-01-15:returning',
      stickiness: '1',
    }
    const given =
      name === 'retention' ? { startDate: '2025-01-06' } : name === 'funnel' ? needed(name) : { from: '2025-01-10' }
    const users = plain(await drillDown(db(), stat, given, cells[name] ?? '2025-01-15'))
    expect(users.data.length).toBeGreaterThan(0)
    expect(problemsOf({ $ref: `#/components/schemas/${schemaName(stat, 'Users')}` }, users)).toEqual([])
    expect(problemsOf(answerOf(stat), users)).not.toEqual([])
  })

  test('its example is what is really answered on examples/events.csv', async () => {
    const [asked, answer] = [exampleParams(stat), exampleAnswer(stat)]
    const given = givenParams(paramsOf(stat.params), (param) => asked[snake(param.name)])
    expect(plain(await runStat(db(), stat, given))).toEqual(answer)
    expect(problemsOf(answerOf(stat), answer)).toEqual([])
    const { content } = document.paths[`/stats/${name}`]!.get!.responses['200']!
    expect(content!['application/json']!.example).toEqual(answer)
  })
})

test('without any event, too, an answer is what its schema says', async () => {
  await withFreshDatabase(async (empty) => {
    for (const stat of stats) {
      expect(problemsOf(answerOf(stat), plain(await runStat(empty, stat, needed(stat.name)))), stat.name).toEqual([])
    }
  })
})
