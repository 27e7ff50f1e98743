import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { rebuildRollups } from '../../../src/lib/rollups/rebuild.js'
import { parseField, parseSegment, parseSelector } from '../../../src/lib/stats/filter/filter-parser.js'
import { type NamesInQuestion, unknownNameWarnings } from '../../../src/lib/stats/filter/unknown-names.js'
import { withFreshDatabase } from '../../support/postgres/database.js'

interface Given {
  readonly type: string
  readonly properties?: object
}

/** Stores events in a batch of their own, and gives its id. */
function store(db: Database, events: readonly Given[], status: 'completed' | 'loading' = 'completed'): Promise<number> {
  return withTransaction(db, async (tx) => {
    const { rows } = await sql<{ id: number }>`
      INSERT INTO ${tx.t.import_batches} (source, file, status, reading, chunk_bytes, read, inserted)
      VALUES ('file', 'test', ${status}, '{}', 1, ${events.length}, ${events.length}) RETURNING id`.execute(tx.q)
    const given = events.map((event) => ({ id: randomUUID(), properties: {}, ...event }))
    await sql`
      INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT id, '2025-08-01Z', ${rows[0]!.id}, 'ann', type, properties
      FROM jsonb_to_recordset(${JSON.stringify(given)}::jsonb) AS e(id uuid, type text, properties jsonb)`.execute(tx.q)
    await rebuildRollups(tx)
    return rows[0]!.id
  })
}

const segments = (...texts: string[]): NamesInQuestion => ({ segments: texts.flatMap(parseSegment), selectors: [] })
const selectors = (...texts: string[]): NamesInQuestion => ({ segments: [], selectors: texts.map(parseSelector) })

test('event types that no event has, wherever they are named, each once', async () => {
  await withFreshDatabase(async (db) => {
    await store(db, [{ type: 'purchase' }, { type: 'page_view' }])
    const warnings = (asked: NamesInQuestion) => unknownNameWarnings(db, asked, undefined)
    const mistyped = 'No event has the event_type "purchse"; did you mean "purchase"?'
    expect(await warnings(selectors('purchse'))).toEqual([mistyped])
    expect(await warnings(segments('event_type:page_view,purchse', 'event_type!=purchse'))).toEqual([mistyped])
    expect(await warnings(segments('event_type!=purchse'))).toEqual([mistyped])
    expect(await warnings(selectors('page_view[event_type:purchse]', 'purchse', 'purchase'))).toEqual([mistyped])
    expect(await warnings(selectors('Page_View', 'refund not'))).toEqual([
      'No event has the event_type "Page_View"; did you mean "page_view"?',
      'No event has the event_type "refund not".',
    ])
    expect(await warnings(segments(`event_type:${'purchase'.repeat(20_000)}`))).toHaveLength(1)
    expect(await warnings(selectors('purchase', 'page_view'))).toEqual([])
    expect(await warnings(segments('event_type~purchse', 'event_type:*', 'user_id:nobody'))).toEqual([])
  })
})

test('properties that no event has, with the nearest name of the same depth', async () => {
  await withFreshDatabase(async (db) => {
    await store(db, [
      { type: 'a', properties: { country: 'UA', 'utm.source': 'mail', nothing: null, tags: [{ name: 'x' }] } },
      { type: 'b', properties: { device: { os: 'iOS', screen: { width: 5 } }, 'page title': 'x', device_os: 1 } },
    ])
    const warnings = (...texts: string[]) => unknownNameWarnings(db, segments(...texts), undefined)
    const known = ['country:PL', 'nothing:*', 'device.os:x', 'device.screen.width>1', '"utm.source":x', 'tags.0.name:x']
    expect(await warnings(...known.map((text) => `properties.${text}`))).toEqual([])
    const mistyped: [asked: string, meant: string | undefined][] = [
      ['properties.contry', 'properties.country'],
      ['properties.Country', 'properties.country'],
      ['properties.page_title', 'properties."page title"'],
      ['properties.device.so', 'properties.device.os'],
      ['properties.devices.os', 'properties.device.os'],
      ['properties.device.screen.widht', 'properties.device.screen.width'],
      ['properties.utm.source', 'properties."utm.source"'],
      ['properties.something_else', undefined],
      ['properties.country.code', undefined],
      [`properties.${'country'.repeat(140)}`, undefined],
    ]
    for (const [asked, meant] of mistyped) {
      const warning = `No event has ${asked}${meant === undefined ? '' : `; did you mean ${meant}?`}`
      expect(await warnings(`${asked}:x`)).toEqual([meant === undefined ? `${warning}.` : warning])
    }
    expect(await warnings('properties.contry:x and properties.contry!=y')).toHaveLength(1)
    const asked = { segments: [], selectors: [parseSelector('a[properties.contry:x]')] }
    expect(await unknownNameWarnings(db, asked, undefined)).toHaveLength(1)
    const fields = [parseField('properties.contry'), parseField('event_type')]
    expect(await unknownNameWarnings(db, { ...segments(), fields }, undefined)).toHaveLength(1)
  })
})

test('the nearest name of a deep property is searched by steps, not by a join for each level', async () => {
  await withFreshDatabase(async (db) => {
    const deep = (last: string) => Array.from({ length: 19 }, () => 'a').concat(last)
    const nested = deep('leaf').reduceRight<unknown>((inner, key) => ({ [key]: inner, b: 1, c: 2 }), 1)
    await store(db, [{ type: 'a', properties: nested as object }])
    const asked = { segments: parseSegment(`properties.${deep('laef').join('.')}:x`), selectors: [] }
    expect(await unknownNameWarnings(db, asked, undefined)).toEqual([
      `No event has properties.${deep('laef').join('.')}; did you mean properties.${deep('leaf').join('.')}?`,
    ])
  })
})

test('of many unknown names the first few get a suggestion', async () => {
  await withFreshDatabase(async (db) => {
    await store(db, [{ type: 'view', properties: { country: 1 } }])
    const types = Array.from({ length: 12 }, (_, index) => `view${index % 10}${index}`)
    const warnings = await unknownNameWarnings(db, segments(`event_type:view1,${types.join()}`), undefined)
    expect(warnings).toHaveLength(13)
    expect(warnings[0]).toContain('did you mean "view"?')
    expect(warnings.filter((text) => text.includes('did you mean')).length).toBeLessThanOrEqual(5)
  })
})

test('events of a batch that is loading do not count', async () => {
  await withFreshDatabase(async (db) => {
    await store(db, [{ type: 'view', properties: { country: 'UA' } }])
    const open = await store(db, [{ type: 'secret', properties: { kountry: 'UA', hidden: 1 } }], 'loading')
    const visible = sql`batch_id <> ALL(${[open]}::bigint[])`
    const asked = { segments: parseSegment('properties.hidden>0'), selectors: [parseSelector('secret')] }
    expect(await unknownNameWarnings(db, asked, visible)).toEqual([
      'No event has the event_type "secret".',
      'No event has properties.hidden.',
    ])
    expect(await unknownNameWarnings(db, segments('properties.countri:UA'), visible)).toEqual([
      'No event has properties.countri; did you mean properties.country?',
    ])
    expect(await unknownNameWarnings(db, segments('properties.hidden>0'), undefined)).toEqual([])
  })
})

test('a property of one event among many is found though the sample has not seen it', async () => {
  await withFreshDatabase(async (db) => {
    const { q, t } = db
    await store(db, [{ type: 'rare', properties: { first: 1 } }])
    await sql`
      INSERT INTO ${t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT gen_random_uuid(), '2025-08-01Z', 1, 'ann', 'view',
             jsonb_build_object('page', repeat('x', 1000), 'sub', jsonb_build_object('key', n))
      FROM generate_series(1, 6000) AS n`.execute(q)
    await store(db, [{ type: 'rare', properties: { last: 1 } }])
    const { rows } = await sql<{ pages: number }>`
      SELECT pg_relation_size('ea.events') / current_setting('block_size')::int AS pages`.execute(q)
    expect(rows[0]!.pages).toBeGreaterThan(600)
    const asked = segments('properties.first:1', 'properties.last:1', 'properties.sub.key:1')
    expect(await unknownNameWarnings(db, asked, undefined)).toEqual([])
    expect(await unknownNameWarnings(db, segments('properties.pgae:1', 'properties.sub.kye:1'), undefined)).toEqual([
      'No event has properties.pgae; did you mean properties.page?',
      'No event has properties.sub.kye; did you mean properties.sub.key?',
    ])
  })
})

test('a comparison with what is no number', async () => {
  await withFreshDatabase(async (db) => {
    await store(db, [{ type: 'view', properties: { price: 5 } }])
    const asked = segments('properties.price > 1e3', 'properties.price>10', 'properties.price:x', 'user_id<"a ""b"""')
    expect(await unknownNameWarnings(db, asked, undefined)).toEqual([
      'No event matches properties.price > 1e3: "1e3" is not a number such as 12 or -0.5.',
      'No event matches user_id<"a ""b""": "a \\"b\\"" is not a number such as 12 or -0.5.',
    ])
  })
})

test('an empty database has no names; nothing is asked of a database when nothing is named', async () => {
  await withFreshDatabase(async (db) => {
    expect(await unknownNameWarnings(db, selectors('view[properties.a.b:1]'), undefined)).toEqual([
      'No event has the event_type "view".',
      'No event has properties.a.b.',
    ])
    await sql`DROP TABLE ${db.t.events}, ${db.t.event_type_days} CASCADE`.execute(db.q)
    expect(await unknownNameWarnings(db, segments('user_id:1', 'event_type:*'), undefined)).toEqual([])
    await expect(unknownNameWarnings(db, selectors('view'), undefined)).rejects.toThrow(/event_type_days/)
  })
})
