/** Answers that are kept: never a wrong one, each computed once, none computed for nobody. */
import { join } from 'node:path'
import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { type Database, withTransaction } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { stats } from '../../../src/lib/stats/catalog.js'
import { runStat } from '../../../src/lib/stats/query/run-stat.js'
import { until } from '../../commands/import-content.js'
import { assertProperty } from '../../support/effort.js'
import { storeEvents } from '../../support/events.js'
import { records, writeCsv } from '../../support/import/import-data.js'
import { withScratchFolder } from '../../support/temp-dir.js'
import { type Answering, withAnswering } from './answers-of-server.js'

const someEvents = [
  { at: '2025-08-29T10:00:00Z', user: 'ann' },
  { at: '2025-08-30T10:00:00Z', user: 'bob' },
  { at: '2025-08-31T10:00:00Z', user: 'cid' },
]

/** A server whose clock is set by hand. */
async function withClock(use: (answering: Answering, setClock: (iso: string) => void) => Promise<void>): Promise<void> {
  let now = '2025-08-31T12:07:00.000000Z'
  await withAnswering({ clock: () => now }, async (answering) => {
    await storeEvents(answering.db, someEvents)
    await use(answering, (iso) => {
      now = iso
    })
  })
}

/** Asks twice: what the first one was told about its answer, and whether it was computed. */
async function look({ get, asked }: Answering, path: string, known?: string) {
  const answer = await get(path, known === undefined ? {} : { 'if-none-match': known })
  const text = await answer.text()
  return { status: answer.status, etag: answer.headers.get('etag')!, text, cache: asked.at(-1)![1] }
}

describe('while the data stays', () => {
  test('an answer serves until the next quarter of an hour', () =>
    withClock(async (answering, setClock) => {
      const path = '/stats/dau?to=2025-09-01'
      const first = await look(answering, path)
      expect(first).toMatchObject({ status: 200, cache: 'miss' })
      expect(JSON.parse(first.text).meta.as_of).toBe('2025-08-31T12:07:00.000000Z')
      setClock('2025-08-31T12:14:59.999999Z')
      expect(await look(answering, path, first.etag)).toMatchObject({ status: 304, text: '', cache: 'hit' })
      setClock('2025-08-31T12:15:00.000001Z')
      // Asked again, and nothing but as_of is another.
      expect(await look(answering, path, first.etag)).toMatchObject({ status: 304, cache: 'miss' })
      setClock('2025-08-31T23:59:59.999999Z')
      expect(await look(answering, path, first.etag)).toMatchObject({ status: 304, cache: 'miss' })
      // A day ends: it is complete. At that very instant the next one has not begun.
      setClock('2025-09-01T00:00:00.000000Z')
      const midnight = await look(answering, path, first.etag)
      expect(JSON.parse(midnight.text).data.slice(2)).toEqual([
        { date: '2025-08-31', unique_users: 1, complete: true },
        { date: '2025-09-01', unique_users: null, complete: false },
      ])
      setClock('2025-09-01T00:00:00.000001Z')
      const behind = await look(answering, path, midnight.etag)
      expect(JSON.parse(behind.text).data.at(-1)).toMatchObject({ date: '2025-09-01', unique_users: 0 })
    }))

  test('relative days move at midnight of their zone', () =>
    withClock(async (answering, setClock) => {
      const path = '/stats/dau?from=-1d&to=today&tz=Asia/Kathmandu'
      setClock('2025-08-30T18:14:59Z')
      expect(JSON.parse((await look(answering, path)).text).meta).toMatchObject({
        from: '2025-08-29',
        to: '2025-08-30',
      })
      setClock('2025-08-30T18:15:01Z')
      expect(JSON.parse((await look(answering, path)).text).meta).toMatchObject({
        from: '2025-08-30',
        to: '2025-08-31',
      })
    }))

  test('with a day or an instant for as-of it serves for ever, with a relative one it does not', () =>
    withClock(async (answering, setClock) => {
      for (const asOf of ['2025-08-31', '2025-08', '2025-08-30T01:02:03.456Z']) {
        setClock('2025-08-31T12:07:00Z')
        expect((await look(answering, `/stats/dau?as_of=${asOf}`)).cache).toBe('miss')
        setClock('2031-01-01T00:00:00Z')
        expect((await look(answering, `/stats/dau?as_of=${asOf}`)).cache).toBe('hit')
      }
      expect((await look(answering, '/stats/dau?as_of=-1d')).cache).toBe('miss')
      setClock('2031-01-01T00:15:01Z')
      expect((await look(answering, '/stats/dau?as_of=-1d')).cache).toBe('miss')
    }))

  test('a funnel with open windows serves for its second, one whose windows are closed for its quarter', () =>
    withClock(async (answering, setClock) => {
      const pending = async (path: string) => {
        const { text, cache } = await look(answering, path)
        return [JSON.parse(text).meta.pending_users, cache]
      }
      const open = '/stats/funnel?step=view&step=buy&window=1d'
      setClock('2025-09-01T10:00:00.000000Z')
      expect(await pending(open)).toEqual([1, 'miss'])
      setClock('2025-09-01T10:00:00.900000Z')
      expect(await pending(open)).toEqual([1, 'hit'])
      setClock('2025-09-01T10:00:01.000000Z')
      expect(await pending(open)).toEqual([0, 'miss'])
      setClock('2025-09-20T10:00:01Z')
      expect(await pending(`${open}&to=2025-08-31`)).toEqual([0, 'miss'])
      setClock('2025-09-20T10:00:07Z')
      expect(await pending(`${open}&to=2025-08-31`)).toEqual([0, 'hit'])
    }))

  test('an event of the future is a return from its second on', () =>
    withClock(async (answering, setClock) => {
      await storeEvents(answering.db, [{ at: '2025-08-31T12:07:05Z', user: 'bob' }])
      await sql`UPDATE ${answering.db.t.settings} SET data_version = data_version + 1`.execute(answering.db.q)
      const path = '/stats/retention?window_type=day&windows=1&start_date=2025-08-30&to=2025-08-30&mode=on-or-after'
      for (const [now, users] of [
        ['2025-08-31T12:07:04Z', 0],
        ['2025-08-31T12:07:06Z', 1],
      ] as const) {
        setClock(now)
        expect(JSON.parse((await look(answering, path)).text).data[0].users).toEqual([1, users])
      }
    }))
})

test('what is imported or undone is in the next answer', () =>
  withScratchFolder((folder) =>
    withAnswering({}, async (answering) => {
      const { db } = answering
      const path = '/stats/top-events?as_of=2025-09-01'
      const load = async (seed: number) => {
        const file = writeCsv(
          join(folder, `${seed}.csv`),
          records(seed, { count: 20, ids: [seed * 100, seed * 100 + 99] }),
        )
        return (await importFiles(db, [file])).files[0]!.id!
      }
      await load(1)
      const one = await look(answering, path)
      expect(await look(answering, path, one.etag)).toMatchObject({ status: 304, cache: 'hit' })
      const second = await load(2)
      const two = await look(answering, path, one.etag)
      expect(two).toMatchObject({ status: 200, cache: 'miss' })
      expect(two.etag).not.toBe(one.etag)
      await undoBatch(db, second)
      const undone = await look(answering, path, two.etag)
      expect(undone).toMatchObject({ status: 200, cache: 'miss', text: one.text })
    }),
  ))

/** Holds the table that questions read and versions do not, until `release` is called. */
async function whileLocked(db: Database, use: (release: () => void) => Promise<void>): Promise<void> {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let used: Promise<void> = Promise.resolve()
  await withTransaction(db, async (tx) => {
    await sql`LOCK TABLE ${tx.t.days} IN ACCESS EXCLUSIVE MODE`.execute(tx.q)
    used = use(release).finally(release)
    await released
  })
  await used
}

/** How many statements wait for that table. */
async function waiting(db: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db.q)
  return rows[0]!.count
}

describe('while it is computed', () => {
  test('the same question is computed once, and goes on when one of those who asked leaves', () =>
    withAnswering({}, async ({ db, url }) => {
      await storeEvents(db, someEvents)
      await whileLocked(db, async (release) => {
        const leaver = new AbortController()
        const left = fetch(`${url}/stats/dau`, { signal: leaver.signal }).catch((error: Error) => error.name)
        await until(async () => (await waiting(db)) === 1)
        const others = ['dau', 'dau?grain=day', 'dau'].map((path) => fetch(`${url}/stats/${path}`))
        // They have asked once a question behind theirs waits too.
        const mau = fetch(`${url}/stats/mau`)
        await until(async () => (await waiting(db)) === 2)
        leaver.abort()
        expect(await left).toBe('AbortError')
        release()
        const tags = new Set<string | null>()
        for (const answer of await Promise.all(others)) {
          expect(answer.status).toBe(200)
          expect(await answer.json()).toMatchObject({ data: { length: 3 } })
          tags.add(answer.headers.get('etag'))
        }
        expect(tags.size).toBe(1)
        expect((await mau).status).toBe(200)
      })
    }))

  test('it is cancelled when everybody has left, and the next one begins anew', () =>
    withAnswering({}, async ({ db, url, json }) => {
      await storeEvents(db, someEvents)
      await whileLocked(db, async (release) => {
        const leaver = new AbortController()
        const asked = [1, 2].map(() =>
          fetch(`${url}/stats/dau`, { signal: leaver.signal }).catch((error: Error) => error.name),
        )
        await until(async () => (await waiting(db)) === 1)
        leaver.abort()
        expect(await Promise.all(asked)).toEqual(['AbortError', 'AbortError'])
        await until(async () => (await waiting(db)) === 0)
        const again = json('/stats/dau')
        await until(async () => (await waiting(db)) === 1)
        release()
        expect((await again).data).toHaveLength(3)
      })
    }))

  test('a question that takes too long is told so, and the failure is not kept', () =>
    withAnswering({ queryTimeoutMs: 100 }, async ({ db, get }) => {
      await storeEvents(db, someEvents)
      await whileLocked(db, async () => {
        const answer = await get('/stats/dau')
        expect(answer.status).toBe(503)
        expect(await answer.json()).toMatchObject({ code: 'query_timeout', detail: expect.stringContaining('0.1 s') })
      })
      expect((await get('/stats/dau')).status).toBe(200)
    }))

  test('questions leave connections to others, and wait for their turn no longer than they may take', () =>
    withAnswering({ maxConnections: 4, queryTimeoutMs: 1000 }, async ({ db, get }) => {
      await storeEvents(db, someEvents)
      await whileLocked(db, async () => {
        const asked = [1, 2, 3, 4, 5].map((limit) => get(`/stats/top-events?limit=${limit}`))
        await until(async () => (await waiting(db)) === 2)
        // What needs no question is answered at once: not all connections wait.
        expect((await get('/batches')).status).toBe(200)
        const problems = await Promise.all(
          asked.map(async (answer) => (await (await answer).json()) as { code: string }),
        )
        const codes = problems.map(({ code }) => code)
        expect(codes.filter((code) => code === 'query_timeout').length).toBeGreaterThanOrEqual(2)
        expect(codes.every((code) => code === 'query_timeout' || code === 'server_busy')).toBe(true)
      })
    }))
})

// Questions of every kind, some of which depend on the second.
const asked: [string, Record<string, unknown>][] = [
  ['dau', {}],
  ['wau', { from: '-30d' }],
  ['top-events', {}],
  ['trend', { by: 'event_type' }],
  ['retention', { windowType: 'day', windows: 3 }],
  ['retention', { windowType: 'day', mode: 'on-or-after' }],
  ['funnel', { step: ['view', 'click'], window: '3d' }],
  ['lifecycle', { tz: 'Asia/Kathmandu' }],
]
const queryOf = (given: Record<string, unknown>) => {
  const query = new URLSearchParams()
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  for (const [name, value] of Object.entries(given))
    for (const one of [value].flat()) query.append(snake(name), `${one}`)
  return String(query)
}

type Step =
  | { do: 'import'; file: number }
  | { do: 'undo'; which: number }
  | { do: 'wait'; seconds: number }
  | { do: 'ask'; question: number; times: number; meanwhile: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('import' as const), file: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('undo' as const), which: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.constantFrom(0.4, 1, 60, 900, 20_000, 86_400),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      question: fc.nat(asked.length - 1),
      times: fc.integer({ min: 1, max: 3 }),
      meanwhile: fc.boolean(),
    }),
  },
)

test('whatever happens in between, no answer differs from a fresh one', { tags: 'property' }, () =>
  withScratchFolder(async (folder) => {
    const files = [0, 1, 2, 3, 4].map((n) =>
      writeCsv(join(folder, `${n}.csv`), records(n + 1, { count: 30, ids: [n * 15, n * 15 + 30] })),
    )
    await assertProperty(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        // Never at the very start of a second, where what depends on the second changes.
        let nowMs = Date.parse('2025-03-20T23:44:58.500Z')
        const clock = () => new Date(nowMs).toISOString()
        await withAnswering({ clock, maxBytes: 40_000 }, async ({ db, json }) => {
          const check = async (question: number) => {
            const [name, given] = asked[question]!
            const sent = await json(`/stats/${name}?${queryOf(given)}`)
            const stat = stats.find((one) => one.name === name)!
            const fresh = JSON.parse(JSON.stringify(await runStat(db, stat, { ...given, asOf: clock() })))
            const { as_of: _, ...meta } = sent.meta
            expect({ data: sent.data, meta }).toEqual({ data: fresh.data, meta: { ...fresh.meta, as_of: undefined } })
          }
          const completed: number[] = []
          for (const one of steps) {
            if (one.do === 'wait') nowMs += one.seconds * 1000
            if (one.do === 'import') {
              const { id, status } = (await importFiles(db, [files[one.file]!])).files[0]!
              if (status === 'completed') completed.push(id!)
            }
            if (one.do === 'undo' && completed.length > 0) {
              await undoBatch(db, completed.splice(one.which % completed.length, 1)[0]!)
            }
            if (one.do !== 'ask') continue
            const [name, given] = asked[one.question]!
            // Some ask while the data changes: what they get may be old or new, and must not be what later ones get.
            if (one.meanwhile) {
              const change = importFiles(db, [files[one.question % files.length]!])
              const others = Array.from({ length: one.times }, () => json(`/stats/${name}?${queryOf(given)}`))
              const { id, status } = (await change).files[0]!
              if (status === 'completed') completed.push(id!)
              await check(one.question)
              await Promise.all(others)
            }
            for (let time = 0; time < one.times; time++) await check(one.question)
          }
        })
      }),
      12,
    )
  }),
)
