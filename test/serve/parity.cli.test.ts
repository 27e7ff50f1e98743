/** One answer: what the command prints, what HTTP sends and what the library returns are the same, for every stat. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Result, Row } from '../../src/lib/core/result.js'
import { listStats, stats } from '../../src/lib/stats/catalog.js'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { kebab, snake } from '../../src/lib/stats/query/params.js'
import { runStat } from '../../src/lib/stats/query/run-stat.js'
import { type Bench, uuidOf, withBench } from '../commands/import-content.js'
import { builtOnce } from '../support/binary.js'
import { type Answering, withAnswering } from './answers/answers-of-server.js'

beforeAll(builtOnce)

type Given = Readonly<Record<string, string | number | boolean | readonly string[]>>

const asOf = '2025-08-29T12:00:00Z'
const steps = { step: ['view_item', 'purchase[properties.price>5]'] }

// A stat, its parameters in camel case, and with a third text the number whose users are asked for.
const questions: [string, Given, string?][] = [
  ['dau', {}],
  ['dau', { from: '2025-08-03', to: '2025-08-05', grain: 'week', weekStart: 'sunday' }],
  ['dau', { from: '-5d', tz: 'Europe/Kyiv', segment: ['properties.country:UA', 'event_type:purchase,view_item'] }],
  ['dau', {}, '2025-08-04'],
  ['wau', { from: '2025-08-20' }],
  ['mau', { from: '2025-08-20' }],
  ['top-events', { limit: 2, uniqueUsers: true }],
  ['dau', { segment: ['event_type:view_itm'] }],
  ['trend', { grain: 'week', by: 'properties.country', measure: 'unique_users', limit: 1 }],
  ['trend', { grain: 'hour', from: '2025-08-29', to: '2025-08-29' }],
  ['retention', { windowType: 'day', windows: 2, startDate: '2025-08-01', to: '2025-08-03' }],
  ['retention', {}],
  ['retention', { clock: 'rolling', mode: 'on-or-after', startEvent: 'view_item', returnEvent: 'purchase' }],
  ['retention', { startDate: '2025-07-28' }, '2025-07-28:1'],
  ['funnel', steps],
  ['funnel', { ...steps, window: '12h', order: 'strict', exclude: ['add_to_cart:1-2'] }],
  ['funnel', steps, '2'],
  ['lifecycle', { grain: 'month' }],
  [
    'trend',
    { grain: 'week', measure: ['sum(properties.price)', 'p90(properties.price) of purchase'], by: 'event_type' },
  ],
  ['trend', { let: ['a=sum(properties.price)', 'b=unique_users'], formula: 'a / b', grain: 'month' }],
  ['top-events', { by: 'properties.country', limit: 1 }],
  ['funnel', { ...steps, by: 'properties.country' }],
  ['funnel', { ...steps, by: 'properties.country' }, '2:UA'],
  ['describe', { eventType: 'purchase' }],
  ['stickiness', { from: '2025-08-01', to: '2025-08-07' }],
]

test('the table holds every stat', () => {
  expect(new Set(questions.map(([name]) => name))).toEqual(new Set(stats.map(({ name }) => name)))
})

/** A month of a small shop, from July on, with names and prices that formats must quote. */
function shopEvents(): string {
  const lines: string[] = []
  const add = (at: string, user: string, type: string, properties: object) =>
    lines.push(
      JSON.stringify({ event_id: uuidOf(lines.length), occurred_at: at, user_id: user, event_type: type, properties }),
    )
  for (let day = 1; day <= 30; day++) {
    const date = `2025-08-${String(day).padStart(2, '0')}`
    const country = day % 3 === 0 ? 'PL, "north" | ü' : 'UA'
    add(`${date}T00:30:00+03:00`, `u${day % 5}`, 'view_item', { country, price: day })
    add(`${date}T12:00:00+03:00`, `u${day % 7}`, 'add_to_cart', { country })
    if (day % 2 === 0) add(`${date}T12:05:00+03:00`, `u${day % 7}`, 'purchase', { country, price: day + 0.5 })
  }
  add('2025-05-01T00:00:00Z', 'old', '=view, "all"', { country: 'UA' })
  return `${lines.join('\n')}\n`
}

async function withShop(use: (bench: Bench, answering: Answering) => Promise<void>): Promise<void> {
  await withBench(async (bench) => {
    expect(await bench.json(['import', '-'], { input: shopEvents() })).toMatchObject({ totals: { rejected: 0 } })
    await withAnswering({ databaseUrl: bench.url }, (answering) => use(bench, answering))
  })
}

const asFlags = (given: Given, cell?: string) => [
  ...Object.entries(given).flatMap(([name, value]) =>
    [value].flat().map((one) => (one === true ? `--${kebab(name)}` : `--${kebab(name)}=${one}`)),
  ),
  ...(cell === undefined ? [] : [`--users=${cell}`]),
]

function asQuery(given: Given, cell?: string): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) {
    for (const one of [value].flat()) query.append(snake(name), String(one))
  }
  if (cell !== undefined) query.append('users', cell)
  return String(query)
}

/** JSON is a text in the library only. */
function asProgramsGetIt(columns: Result['columns']) {
  const names = columns.filter(({ kind }) => kind === 'json').map(({ name }) => name)
  return (row: Row) => ({
    ...row,
    ...Object.fromEntries(names.map((name) => [name, JSON.parse((row[name] ?? 'null') as string)])),
  })
}

test('as JSON, every question', () =>
  withShop(async ({ ea }, { json, db }) => {
    const differing: unknown[] = []
    const compare = async ([name, own, cell]: (typeof questions)[number]) => {
      const given = { ...own, asOf }
      const stat = stats.find((one) => one.name === name)!
      const told = await ea(['stats', name, ...asFlags(given, cell), '--json'])
      const sent = await json(`/stats/${name}?${asQuery(given, cell)}`)
      const { metric, columns, data, meta } = await (cell === undefined
        ? runStat(db, stat, given)
        : drillDown(db, stat, given, cell))
      expect(data.length).toBeGreaterThan(0)
      expect(sent).toEqual(JSON.parse(told.stdout))
      // Undefined is what JSON leaves out.
      expect(sent).toEqual(JSON.parse(JSON.stringify({ metric, data: data.map(asProgramsGetIt(columns)), meta })))
    }
    for (const question of questions) {
      await compare(question).catch((error: unknown) => differing.push([question, error]))
    }
    expect(differing).toEqual([])
  }))

test('as CSV, NDJSON and Markdown, byte for byte, every stat', () =>
  withShop(async ({ ea }, { get }) => {
    const first = stats.map(({ name }) => questions.find((question) => question[0] === name)!)
    for (const [name, own] of first) {
      const given = { ...own, asOf }
      for (const format of ['csv', 'ndjson', 'md']) {
        const told = await ea(['stats', name, ...asFlags(given), '--format', format])
        const answer = await get(`/stats/${name}?${asQuery(given)}&format=${format}`)
        expect([name, format, await answer.text()]).toEqual([name, format, told.stdout])
      }
    }
  }))

test('the list of stats', () =>
  withBench(async ({ ea, url }) => {
    await withAnswering({ databaseUrl: url }, async ({ json, get }) => {
      const list = await json('/stats')
      expect(list).toEqual(JSON.parse((await ea(['stats', 'list', '--json'])).stdout))
      expect(list.data).toEqual(listStats().data)
      const csv = await get('/stats', { accept: 'text/csv' })
      expect(await csv.text()).toBe((await ea(['stats', 'list', '--format', 'csv'])).stdout)
    })
  }))

test('batches, one batch, and its rejects', () =>
  withBench(async ({ ea, url }) => {
    const folder = await mkdtemp(join(tmpdir(), 'ea-parity-'))
    try {
      const file = join(folder, 'some.ndjson')
      await writeFile(file, `${shopEvents()}{"event_id":"no"}\nno json\n`)
      await ea(['import', file, '--max-rejects', '2'])
      await ea(['import', '-'], { input: 'nothing' })
      await withAnswering({ databaseUrl: url }, async ({ json, get }) => {
        const told = async (...args: string[]) => JSON.parse((await ea(['batches', ...args, '--json'])).stdout)
        expect(await json('/batches')).toEqual(await told('list'))
        const one = await json('/batches?limit=1&status=completed')
        expect(one.data).toHaveLength(1)
        expect(one).toEqual(await told('list', '--limit', '1', '--status', 'completed'))
        expect(await json('/batches/1')).toEqual(await told('show', '1'))
        expect((await json('/batches/1/rejects')).data).toEqual((await told('rejects', '1')).data)
        for (const format of ['csv', 'ndjson']) {
          const answer = await get(`/batches/1/rejects?format=${format}`)
          expect(await answer.text()).toBe((await ea(['batches', 'rejects', '1', '--format', format])).stdout)
        }
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  }))
