/**
 * Group commit: who is committed with whom and in what order, that a failure reaches exactly those whom it concerns, and
 * that what hundreds of requests at once are told adds up to what is stored.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { CommitRequest, RequestResult } from '../../../src/lib/ingest/body/request.js'
import { Committer } from '../../../src/lib/ingest/group.js'
import { groupMaxBytes, groupMaxRecords, isSmall } from '../../../src/lib/ingest/records.js'
import { eventOf, idOf } from '../../ingest/ingesting.js'
import { assertProperty } from '../../support/effort.js'
import { expectSound } from '../../support/import/import-state.js'
import { startLoad } from '../../support/serve/load.js'
import { withServing } from '../../support/serve/serving.js'

/** A request as a test gives it; `fails`: the run that has it does; `pause`: the next one comes later. */
interface Given {
  readonly kind: 'events' | 'collect'
  readonly sender: 'ann' | 'bob'
  readonly atomic: boolean
  readonly key: 'k1' | 'k2' | undefined
  readonly good: number
  readonly bytes: number
  readonly fails: boolean
  readonly pause: boolean
}

const given: fc.Arbitrary<Given> = fc.record({
  kind: fc.constantFrom('events', 'events', 'events', 'collect'),
  sender: fc.constantFrom('ann', 'bob'),
  atomic: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  key: fc.constantFrom(undefined, undefined, undefined, 'k1', 'k2'),
  good: fc.oneof(
    fc.constantFrom(0, 1, 1, 1, 5, groupMaxRecords - 1, groupMaxRecords, groupMaxRecords + 1),
    fc.integer({ min: 0, max: 700 }),
  ),
  bytes: fc.constantFrom(100, 100, 100, 1_000, groupMaxBytes - 100, groupMaxBytes, groupMaxBytes + 1),
  fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  pause: fc.boolean(),
})

/** Only what groups are made from; nothing here looks into the records. */
function asRequest({ kind, sender, atomic, key, good, bytes }: Given, index: number): CommitRequest {
  const chunk = { good, records: good } as CommitRequest['chunk']
  const idempotency = key === undefined ? {} : { idempotency: { key, bodySha256: Buffer.alloc(32) } }
  return { id: String(index), kind, sender, atomic, bytes, chunk, receivedAt: new Date(0), ...idempotency }
}

const settledAs = (request: CommitRequest): RequestResult => ({ kind: 'replayed', status: 200, body: request.id })

describe('the groups', () => {
  test('whatever comes: each request once, in order, in runs that may be', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(fc.array(given, { maxLength: 40 }), async (givens) => {
        const runs: CommitRequest[][] = []
        const inLane = { true: 0, false: 0 }
        let together = 0
        let mostAlone = 0
        const committer = new Committer(async (run, alone) => {
          const lane = `${isSmall([run[0]!])}` as const
          inLane[lane] += 1
          expect(inLane[lane]).toBe(1)
          runs.push([...run])
          await sleep(0)
          await alone(async () => {
            together += 1
            mostAlone = Math.max(mostAlone, together)
            await sleep(0)
            together -= 1
          })
          inLane[lane] -= 1
          if (run.some(({ id }) => givens[Number(id)]!.fails)) throw new Error(run.map(({ id }) => id).join())
          return run.map(settledAs)
        })
        const outcomes: Promise<PromiseSettledResult<RequestResult>>[] = []
        for (const [index, one] of givens.entries()) {
          const submitted = committer.submit(asRequest(one, index))
          outcomes.push(Promise.allSettled([submitted]).then(([only]) => only))
          if (one.pause) await sleep(0)
        }
        const settled = await Promise.all(outcomes)

        // Each request is in one run, and those of a lane are in the order in which they came.
        expect(
          runs
            .flat()
            .map(({ id }) => Number(id))
            .sort((a, b) => a - b),
        ).toEqual(givens.map((_, index) => index))
        for (const isOfLane of [true, false]) {
          const ids = runs
            .flat()
            .filter((request) => isSmall([request]) === isOfLane)
            .map(({ id }) => Number(id))
          expect(ids).toEqual([...ids].sort((a, b) => a - b))
        }
        expect(mostAlone).toBeLessThanOrEqual(1)
        for (const run of runs) expectRun(run)
        // What became of a run reaches all of its requests, and nobody else.
        for (const run of runs) {
          const ids = run.map(({ id }) => id)
          const hasFailed = ids.some((id) => givens[Number(id)]!.fails)
          for (const id of ids) {
            expect(settled[Number(id)]).toEqual(
              hasFailed
                ? { status: 'rejected', reason: new Error(ids.join()) }
                : { status: 'fulfilled', value: { kind: 'replayed', status: 200, body: id } },
            )
          }
        }
      }),
      150,
    )
  })

  /** What may be committed together. */
  function expectRun(run: readonly CommitRequest[]): void {
    if (run.length === 1) return
    expect(isSmall(run)).toBe(true)
    expect(new Set(run.map(({ kind }) => kind)).size).toBe(1)
    expect(run.some(({ atomic }) => atomic)).toBe(false)
    const keys = run.flatMap(({ sender, idempotency }) => (idempotency ? [`${sender} ${idempotency.key}`] : []))
    expect(new Set(keys).size).toBe(keys.length)
  }

  test('nobody waits for company, and those who come meanwhile go together', async () => {
    const runs: string[][] = []
    let finish = () => {}
    const committer = new Committer(async (run) => {
      runs.push(run.map(({ id }) => id))
      if (runs.length === 1) await new Promise<void>((resolve) => (finish = resolve))
      return run.map(settledAs)
    })
    const one: Given = {
      kind: 'events',
      sender: 'ann',
      atomic: false,
      key: undefined,
      good: 1,
      bytes: 100,
      fails: false,
      pause: false,
    }
    const all = [0, 1, 2, 3].map((id) => committer.submit(asRequest(one, id)))
    // A large one has a way of its own.
    await committer.submit(asRequest({ ...one, good: groupMaxRecords + 1 }, 4))
    expect(runs).toEqual([['0'], ['4']])
    finish()
    await Promise.all(all)
    expect(runs).toEqual([['0'], ['4'], ['1', '2', '3']])
  })
})

describe('over HTTP', () => {
  test('200 requests at once with overlapping ids: the answers add up to what is stored', async () => {
    await withServing({}, async ({ url, db }) => {
      let sent = 0
      const load = startLoad(url, {
        connections: 200,
        next: () => {
          if (sent === 200) return undefined
          sent += 1
          // 1 to 5 events of 120 ids, some of them twice in one request; each tenth has one that is none.
          const events = Array.from({ length: 1 + (sent % 5) }, (_, k) => eventOf((sent * 7 + k * k * 13) % 120))
          if (sent % 10 === 0) events.push({ event_id: idOf(1) })
          return { about: events.length, body: JSON.stringify(events) }
        },
      })
      await load.ended
      expect(load.failures).toEqual([])
      expect(load.answers).toHaveLength(200)
      const sum = { received: 0, inserted: 0, duplicates: 0, rejected: 0 }
      for (const { about, status, body } of load.answers) {
        const { received, inserted, duplicates, rejected } = JSON.parse(body)
        expect(received).toBe(about)
        expect(received).toBe(inserted + duplicates + rejected.length)
        expect(status).toBe(rejected.length === 0 ? 200 : 207)
        sum.received += received
        sum.inserted += inserted
        sum.duplicates += duplicates
        sum.rejected += rejected.length
      }
      const { rows } = await sql<Record<string, number>>`
        SELECT sum(read)::int AS received, sum(inserted)::int AS inserted, sum(duplicates)::int AS duplicates,
               sum(rejected)::int AS rejected FROM ${db.t.import_batches}`.execute(db.q)
      expect(rows[0]).toEqual(sum)
      const stored = await sql<{ n: number }>`SELECT count(*) AS n FROM ${db.t.events}`.execute(db.q)
      expect(stored.rows[0]!.n).toBe(sum.inserted)
      await expectSound(db)
    })
  })

  test('one that is refused, or holds what PostgreSQL refuses, harms none of those it is committed with', async () => {
    await withServing({}, async ({ url, db }) => {
      let sent = 0
      const load = startLoad(url, {
        connections: 64,
        next: () => {
          if (sent === 192) return undefined
          const n = ++sent
          const event = JSON.stringify(eventOf(n))
          if (n % 16 === 0) return { about: n, body: `[${event.replace('{', '{"big":1e200000,')}]` }
          if (n % 16 === 1) return { about: n, body: `[${event},{}]`, path: '/events?mode=atomic' }
          // One key for two bodies: the second one is refused.
          if (n % 16 === 2) return { about: n, body: `[${event}]`, headers: { 'idempotency-key': 'the same' } }
          return { about: n, body: `[${event}]` }
        },
      })
      await load.ended
      expect(load.failures).toEqual([])
      const byRest = new Map<number, Map<number, number>>()
      for (const { about, status } of load.answers) {
        const counts = byRest.get(about % 16) ?? new Map<number, number>()
        byRest.set(about % 16, counts.set(status, (counts.get(status) ?? 0) + 1))
      }
      expect(byRest.get(0)).toEqual(new Map([[422, 12]]))
      expect(byRest.get(1)).toEqual(new Map([[422, 12]]))
      expect([...byRest.get(2)!.entries()].sort()).toEqual([
        [200, 1],
        [422, 11],
      ])
      for (let rest = 3; rest < 16; rest++) expect(byRest.get(rest)).toEqual(new Map([[200, 12]]))
      const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${db.t.events}`.execute(db.q)
      expect(rows[0]!.n).toBe(13 * 12 + 1)
      await expectSound(db)
    })
  })
})
