import fc from 'fast-check'
import { type RawBuilder, sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Database } from '../../../src/lib/db/connect.js'
import { parseSegment, parseSelector } from '../../../src/lib/stats/filter/filter-parser.js'
import {
  allOf,
  conditionSql,
  isNumber,
  isNumericComparison,
  notNumberSql,
  selectorSql,
} from '../../../src/lib/stats/filter/filter-sql.js'
import { assertProperty, atLeast } from '../../support/effort.js'
import { sharedDatabase } from '../../support/postgres/shared-database.js'
import {
  holds,
  isSetToNoNumber,
  type ModelEvent,
  someCondition,
  someConditionOn,
  someEvent,
  someSelector,
  toJson,
} from './filter-model.js'

const database = sharedDatabase()

/** Stores these events and no others; `batch_id` is the place of each. */
async function store({ q, t }: Database, events: readonly ModelEvent[]): Promise<void> {
  const rows = events.map(({ user, type, properties }, place) => [place, user, type, toJson(properties)])
  await sql`TRUNCATE ${t.events}`.execute(q)
  await sql`
    INSERT INTO ${t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
    SELECT gen_random_uuid(), now(), (row ->> 0)::bigint, row ->> 1, row ->> 2, (row ->> 3)::jsonb
    FROM jsonb_array_elements(${JSON.stringify(rows)}::jsonb) AS row`.execute(q)
}

/** What each expression is for each event: `true`, `false` or, what must never be, `null`. */
async function answers({ q, t }: Database, expressions: readonly RawBuilder<unknown>[]): Promise<(boolean | null)[][]> {
  const { rows } = await sql<{ found: (boolean | null)[] }>`
    SELECT ARRAY[${sql.join(expressions)}]::boolean[] AS found FROM ${t.events} ORDER BY batch_id`.execute(q)
  return rows.map(({ found }) => found)
}

const someEvents = fc.array(someEvent, { minLength: 1, maxLength: 12 })
const someQuestions = someEvents.chain((events) => {
  const condition = fc.oneof(someCondition, { weight: 3, arbitrary: someConditionOn(events) })
  return fc.tuple(fc.constant(events), fc.array(condition, { minLength: 1, maxLength: 12 }))
})
/** How often a condition on a property held, and how often not: without both, the test would say little. */
const seen: Record<string, number> = {}

test('a condition holds in SQL for the events for which it holds by brute force, also under NOT', {
  tags: 'property',
}, async () => {
  await assertProperty(
    fc.asyncProperty(someQuestions, async ([events, conditions]) => {
      await store(database(), events)
      // What was printed is parsed again: hostile texts take the whole way.
      const parsed = conditions.map(({ text }) => parseSegment(text)[0]!)
      const expressions = parsed.flatMap((condition) => {
        const holdsSql = conditionSql(condition)
        return [holdsSql, sql`NOT ${holdsSql}`, notNumberSql(condition), sql`NOT ${notNumberSql(condition)}`]
      })
      const expected = events.map((event) =>
        conditions.flatMap((condition) => {
          const yes = holds(event, condition)
          if (condition.field.kind === 'property') {
            const kind = `${condition.operator} ${yes}`
            seen[kind] = (seen[kind] ?? 0) + 1
          }
          const noNumber = isSetToNoNumber(event, condition)
          return [yes, !yes, noNumber, !noNumber]
        }),
      )
      expect(await answers(database(), expressions)).toEqual(expected)
    }),
    150,
  )
  expect(Object.keys(seen).length).toBeGreaterThanOrEqual(atLeast(16))
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(atLeast(3))
})

test('a condition that was made from an event', async () => {
  const event: ModelEvent = {
    user: '17',
    type: 'signed up',
    properties: {
      object: [
        ['country', 'UA'],
        ['price', { json: '10.50', text: '10.50' }],
        ['text price', '10.50'],
        ['huge', { json: '1e3000', text: `1${'0'.repeat(3000)}` }],
        // Behind the limits of numeric: a cast would fail.
        ['endless', '9'.repeat(200_000)],
        ['tiny', `0.${'0'.repeat(20_000)}1`],
        ['odd', ['5.', '.5', '+5', '1e3', ' 5', '5\n', '1_000', '0x1F', 'NaN', 'Infinity', '١٢', '', '-']],
        ['nothing', null],
        ['yes', true],
        ['utm', { object: [['source', 'mail']] }],
        ['utm.source', 'dotted'],
        ['tags', ['a', { object: [['n', 'deep']] }]],
      ],
    },
  }
  await store(database(), [event])
  const cases: [text: string, holds: boolean][] = [
    ['event_type:signed up', true],
    ['event_type:Signed Up', false],
    ['event_type!=buy,view', true],
    ['event_type!=buy,signed up', false],
    ['event_type~ed u', true],
    ['event_type:*', true],
    ['event_type>0', false],
    ['user_id>16.5', true],
    ['user_id>=17', true],
    ['user_id>17', false],
    ['user_id<18', true],
    ['user_id<=16', false],
    ['properties.country:PL,UA', true],
    ['properties.country:ua', false],
    ['properties.country!=PL', true],
    ['properties.country!=PL,UA', false],
    ['properties.none!=PL', true],
    ['properties.nothing!=PL', true],
    ['properties.nothing:null', false],
    ['properties.nothing:*', false],
    ['properties.none:*', false],
    ['properties.yes:*', true],
    ['properties.yes:true', true],
    ['properties.country~A', true],
    ['properties.country~a', false],
    ['properties.country~%', false],
    ['properties.country~x,U', true],
    ['properties.none~""', false],
    ['properties.country~""', true],
    ['properties.price:10.50', true],
    ['properties.price:10.5', false],
    ['properties.price>10.49', true],
    ['properties.price>=10.5', true],
    ['properties.price>10.5', false],
    ['properties.price<10.500000000000000000000000000001', true],
    ['properties."text price">10.49', true],
    ['properties."text price"<=10.5', true],
    ['properties.huge>1', true],
    ['properties.endless>1', false],
    ['properties.endless!=1', true],
    ['properties.tiny>0', false],
    ['properties.price>ten', false],
    ...Array.from({ length: 13 }, (_, index): [string, boolean] => [`properties.odd.${index}>-1`, false]),
    ['properties.yes>0', false],
    ['properties.country>0', false],
    ['properties.country<0', false],
    ['properties.nothing<0', false],
    ['properties.none<0', false],
    ['properties.utm.source:mail', true],
    ['properties."utm.source":dotted', true],
    ['properties.utm:"{""source"": ""mail""}"', true],
    ['properties.tags.0:a', true],
    ['properties.tags.1.n:deep', true],
    ['properties.tags.2:*', false],
    ['properties.country.0:*', false],
  ]
  const conditions = cases.map(([text]) => parseSegment(text)[0]!)
  const [found] = await answers(
    database(),
    conditions.map((condition) => conditionSql(condition)),
  )
  expect(cases.map(([text], index) => [text, found![index]])).toEqual(cases)
  expect(cases.map(([text], index) => [text, holds(event, conditions[index]!)])).toEqual(cases)
})

test('selectors, and several conditions at once', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(someEvents, fc.array(someSelector, { minLength: 1, maxLength: 6 }), async (events, selectors) => {
      await store(database(), events)
      const found = await answers(
        database(),
        selectors.flatMap(({ text }) => {
          const selector = parseSelector(text)
          return [sql`NOT ${selectorSql(selector)}`, allOf(selector.conditions)]
        }),
      )
      const expected = events.map((event) =>
        selectors.flatMap(({ eventType, conditions }) => {
          const all = conditions.every((condition) => holds(event, condition))
          return [!(all && event.type === eventType), all]
        }),
      )
      expect(found).toEqual(expected)
    }),
    60,
  )
})

test('columns of other names', async () => {
  await store(database(), [{ user: 'ann', type: 'buy', properties: { object: [['n', { json: '5', text: '5' }]] } }])
  const selector = parseSelector('buy[user_id:ann and properties.n>4 and properties.n!=6 and properties.m.k!=1]')
  const columns = { userId: sql.ref('e.who'), eventType: sql.ref('e.what'), properties: sql.ref('e.how') }
  const { rows } = await sql`
    SELECT ${selectorSql(selector, columns)} AS yes, ${notNumberSql(selector.conditions[1]!, columns)} AS no,
           ${notNumberSql(selector.conditions[0]!, columns)} AS ann
    FROM (SELECT user_id AS who, event_type AS what, properties AS how FROM ${database().t.events}) AS e`.execute(
    database().q,
  )
  expect(rows).toEqual([{ yes: true, no: false, ann: true }])
})

test('whatever was written is a parameter', () => {
  const hostile = parseSelector(`"it's"[properties."a'b"."c)":"'; DROP" and user_id~"$$" and properties.x>4711]`)
  const { sql: text, parameters } = selectorSql(hostile).compile(database().q)
  expect(text).not.toMatch(/it's|a'b|c\)|DROP|\$\$|4711/)
  expect(parameters).toEqual(expect.arrayContaining(["it's", ["a'b", 'c)'], "'; DROP", '$$', 'x', '4711']))
})

test('which conditions compare numbers, and what a number is', () => {
  const compares = ['>', '>=', '<', '<=', ':', '!=', '~'].filter((operator) =>
    isNumericComparison(parseSegment(`user_id${operator}1`)[0]!),
  )
  expect(compares).toEqual(['>', '>=', '<', '<='])
  expect(['0', '-1', '12.50', '007', `${'9'.repeat(1000)}`].filter((text) => !isNumber(text))).toEqual([])
  const others = ['', '-', '+1', '.5', '5.', '1e3', ' 1', '1\n', '1_000', '0x1', 'NaN', '١', '1,0', '9'.repeat(1001)]
  expect(others.filter(isNumber)).toEqual([])
})
