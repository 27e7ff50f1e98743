import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { type Database, withPool } from '../../src/lib/db/connect.js'
import { exportEvents } from '../../src/lib/export/export.js'
import { type GivenEvent, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { errorOf } from '../support/temp-dir.js'
import { exported, exportedEvents } from './exporting.js'

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const stored: GivenEvent[] = [
  { id: id(3), at: '2025-07-31T23:30:00Z', user: 'ann', type: 'login' },
  { id: id(1), at: '2025-08-01T10:00:00.120Z', user: 'bob', type: 'purchase', properties: { price: 9.5, tags: ['a'] } },
  { id: id(2), at: '2025-08-02T21:30:00.000001Z', user: 'eve', type: 'view', properties: { note: 'say "hi", twice' } },
]

async function withEvents(use: (db: Database, url: string) => Promise<void>): Promise<void> {
  await withFreshDatabase(async (db, url) => {
    await storeEvents(db, stored)
    await use(db, url)
  })
}

const users = async (db: Database, given: Parameters<typeof exportedEvents>[1]) =>
  (await exportedEvents(db, given)).map((event) => event.user_id).toSorted()

describe('what is written', () => {
  test('CSV has a header, times in UTC with the digits they need, properties as JSON text', () =>
    withEvents(async (db) => {
      expect(await exported(db, { sort: true })).toEqual({
        events: 3,
        warnings: [],
        text: [
          'event_id,occurred_at,user_id,event_type,properties',
          `${id(3)},2025-07-31T23:30:00Z,ann,login,{}`,
          `${id(1)},2025-08-01T10:00:00.12Z,bob,purchase,"{""tags"": [""a""], ""price"": 9.5}"`,
          `${id(2)},2025-08-02T21:30:00.000001Z,eve,view,"{""note"": ""say \\""hi\\"", twice""}"`,
          '',
        ].join('\n'),
      })
    }))

  test('NDJSON has a line for each event, its properties an object', () =>
    withEvents(async (db) => {
      expect((await exported(db, { format: 'ndjson', sort: true })).text).toBe(
        [
          `{"event_id":"${id(3)}","occurred_at":"2025-07-31T23:30:00Z","user_id":"ann","event_type":"login","properties":{}}`,
          `{"event_id":"${id(1)}","occurred_at":"2025-08-01T10:00:00.12Z","user_id":"bob","event_type":"purchase","properties":{"tags": ["a"], "price": 9.5}}`,
          `{"event_id":"${id(2)}","occurred_at":"2025-08-02T21:30:00.000001Z","user_id":"eve","event_type":"view","properties":{"note": "say \\"hi\\", twice"}}`,
          '',
        ].join('\n'),
      )
    }))

  test('sorted is by time, equal times by event_id', () =>
    withFreshDatabase(async (db) => {
      const at = '2025-08-01T00:00:00Z'
      await storeEvents(
        db,
        [5, 9, 2, 7].map((n) => ({ id: id(n), at, user: `u${n}` })),
      )
      await storeEvents(db, [{ id: id(8), at: '2025-07-01T00:00:00Z', user: 'u8' }])
      const { text } = await exported(db, { sort: true })
      expect(text.match(/u\d/g)).toEqual(['u8', 'u2', 'u5', 'u7', 'u9'])
    }))

  test('whatever the session writes dates and times as', () =>
    withEvents(async (db, url) => {
      const role = '-c TimeZone=Asia/Kathmandu -c DateStyle=German,DMY -c IntervalStyle=iso_8601 -c bytea_output=escape'
      const other = `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent(role)}`
      await withPool({ url: other, schema: 'ea' }, async (odd) => {
        expect(await exported(odd, { sort: true })).toEqual(await exported(db, { sort: true }))
      })
    }))

  test('no events: a header, or nothing, and a warning', () =>
    withFreshDatabase(async (db) => {
      expect(await exported(db)).toEqual({
        events: 0,
        text: 'event_id,occurred_at,user_id,event_type,properties\n',
        warnings: [expect.stringContaining('no events yet')],
      })
      expect((await exported(db, { format: 'ndjson', from: '2025-01-01' })).text).toBe('')
    }))
})

describe('which events', () => {
  test('a range holds both its days, in its time zone; an end that is not given is open', () =>
    withEvents(async (db) => {
      expect(await users(db, { from: '2025-08-01' })).toEqual(['bob', 'eve'])
      expect(await users(db, { to: '2025-08-01' })).toEqual(['ann', 'bob'])
      expect(await users(db, { from: '2025-08-01', to: '2025-08-01' })).toEqual(['bob'])
      expect(await users(db, { from: '2025-07', to: '2025-07' })).toEqual(['ann'])
      // In Kyiv it is three hours later.
      expect(await users(db, { from: '2025-08-01', to: '2025-08-02', tz: 'Europe/Kyiv' })).toEqual(['ann', 'bob'])
      expect(await users(db, { from: '2025-08-03', tz: 'Europe/Kyiv' })).toEqual(['eve'])
      expect(await users(db, { from: '-1d' })).toEqual([])
      expect(await users(db, { to: '2025-07-30' })).toEqual([])
    }))

  test('without a range it is all of them, however old', () =>
    withEvents(async (db) => {
      await storeEvents(db, [{ at: '1970-01-01T00:00:00Z', user: 'old' }])
      expect(await users(db, {})).toEqual(['ann', 'bob', 'eve', 'old'])
      expect(await users(db, { to: '2025-08-01' })).toEqual(['ann', 'bob', 'old'])
    }))

  test('all segments hold; their values are only values', () =>
    withEvents(async (db) => {
      expect(await users(db, { segment: ['event_type:purchase,view', 'properties.price>9'] })).toEqual(['bob'])
      expect(await users(db, { segment: [`properties.note:"say ""hi"", twice"`] })).toEqual(['eve'])
      expect(await users(db, { segment: [`user_id:"' OR true --"`] })).toEqual([])
      expect(await users(db, { segment: [`user_id~"\\' OR true --"`] })).toEqual([])
    }))

  test('those of a batch that is loading are left out', () =>
    withEvents(async (db) => {
      await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'loading' }], 'loading')
      expect(await users(db, {})).toEqual(['ann', 'bob', 'eve'])
      expect(await users(db, { segment: ['user_id:loading'] })).toEqual([])
    }))

  test('a name that no event has is told', () =>
    withEvents(async (db) => {
      const { events, warnings } = await exported(db, { segment: ['event_type:purchse'] })
      expect(events).toBe(0)
      expect(warnings).toEqual([expect.stringMatching(/purchse.*purchase/)])
    }))

  test.for<[Parameters<typeof exportEvents>[1], RegExp]>([
    [{ from: '2025-02-30' }, /^from /],
    [{ from: '2025-08-02', to: '2025-08-01' }, /is after/],
    [{ tz: 'Mars/Base', from: '2025-08-01' }, /^tz /],
    [{ tz: 'Europe/Kyiv' }, /neither is given/],
    [{ segment: ['price>1'] }, /segment/],
    [{ format: 'xml' as never }, /format/],
    [{ grain: 'day' } as never, /grain/],
  ])('%o is refused before anything is written', ([given, message]) =>
    withFreshDatabase(async (db) => {
      let taken = 0
      const take = async () => {
        taken += 1
      }
      const error = await errorOf(() => exportEvents(db, given, take))
      expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) })
      expect(taken).toBe(0)
    }),
  )
})

describe('an end before the end', () => {
  const many = 60_000
  const withMany = (use: (db: Database, url: string) => Promise<void>) =>
    withFreshDatabase(
      async (db, url) => {
        await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann', properties: { filler: 'x'.repeat(400) } }])
        await sql`INSERT INTO ${db.t.events}
                  SELECT gen_random_uuid(), occurred_at, batch_id, user_id, event_type, properties
                  FROM ${db.t.events}, generate_series(2, ${many})`.execute(db.q)
        await use(db, url)
      },
      // The same connection is used again, or there is none.
      { maxConnections: 1 },
    )
  const count = async (db: Database) =>
    (await sql<{ count: number }>`SELECT count(*) FROM ${db.t.events}`.execute(db.q)).rows[0]!.count

  test('what the taker throws is thrown, and the connection is free for others', () =>
    withMany(async (db) => {
      for (const failsAt of [1, 3]) {
        let pieces = 0
        const take = async () => {
          pieces += 1
          if (pieces === failsAt) throw new Error('no room')
        }
        await expect(exportEvents(db, {}, take)).rejects.toThrow('no room')
        expect(pieces).toBe(failsAt)
        expect(await count(db)).toBe(many)
      }
    }))

  test('an abort while the taker is slow ends the statement', () =>
    withMany(async (db) => {
      const stop = new AbortController()
      let pieces = 0
      const take = () => {
        pieces += 1
        setTimeout(() => stop.abort(new Error('enough')), 50)
        return new Promise<void>(() => {})
      }
      await expect(exportEvents(db, {}, take, { signal: stop.signal })).rejects.toThrow('enough')
      expect(pieces).toBe(1)
      expect(await count(db)).toBe(many)
    }))

  test('an abort while the server waits ends the statement', () =>
    withMany(async (db, url) => {
      const holder = new pg.Client({ connectionString: url })
      await holder.connect()
      try {
        await holder.query('BEGIN; LOCK TABLE ea.events IN ACCESS EXCLUSIVE MODE')
        const stop = new AbortController()
        const ended = exportEvents(db, {}, async () => {}, { signal: stop.signal })
        ended.catch(() => {})
        const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        const observer = new pg.Client({ connectionString: url })
        await observer.connect()
        while ((await observer.query(waiting)).rowCount === 0) await sleep(20)
        await observer.end()
        stop.abort(new Error('enough'))
        await expect(ended).rejects.toThrow('enough')
      } finally {
        await holder.end()
      }
      expect(await count(db)).toBe(many)
    }))

  test('a connection that breaks is an error, and not an end', () =>
    withMany(async (db, url) => {
      const killer = new pg.Client({ connectionString: url })
      await killer.connect()
      try {
        const take = async () => {
          await killer.query(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
          )
        }
        await expect(exportEvents(db, {}, take)).rejects.toMatchObject({ message: expect.stringMatching(/terminat/i) })
      } finally {
        await killer.end()
      }
      expect(await count(db)).toBe(many)
    }))

  test('the next bytes come when these are done with', () =>
    withMany(async (db) => {
      let under = 0
      let most = 0
      let bytes = 0
      const take = async (piece: Buffer) => {
        under += 1
        most = Math.max(most, under)
        bytes += piece.length
        await sleep(1)
        under -= 1
      }
      const { events } = await exportEvents(db, { format: 'ndjson' }, take)
      expect(events).toBe(many)
      expect(most).toBe(1)
      expect(bytes).toBeGreaterThan(many * 400)
    }))
})
