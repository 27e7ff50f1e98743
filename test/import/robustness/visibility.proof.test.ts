/**
 * All or nothing, as far as anyone can see: whoever looks while batches come and go sees whole batches only, and in the
 * events the same as in the rollups.
 */
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openBatchIds } from '../../../src/lib/batches/batches.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { armFailpoint } from '../../../src/lib/core/failpoint.js'
import { type Database, withPool, withTransaction } from '../../../src/lib/db/connect.js'
import { importFiles } from '../../../src/lib/import/import.js'
import type { ImportOptions } from '../../../src/lib/import/options.js'
import { records, writeCsv } from '../../support/import/import-data.js'
import { expectSound } from '../../support/import/import-state.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const polls = 1_000
const pollEveryMs = 5

/** What one look shows: counts of events, and a sum that tells contents apart. */
interface Seen {
  readonly version: number
  readonly events: number
  readonly contents: number
  readonly userDays: number
  readonly days: number
  readonly typeDays: number
}

/** One look, as a stat looks: everything in one snapshot. */
function look(db: Database): Promise<Seen> {
  return withTransaction(
    db,
    async (tx) => {
      const open = await openBatchIds(tx)
      const { rows } = await sql<Seen>`
        SELECT (SELECT data_version FROM ${tx.t.settings}) AS version, count(*) AS events,
               coalesce(sum((properties->>'content')::bigint), 0)::bigint AS contents,
               (SELECT coalesce(sum(events), 0)::bigint FROM ${tx.t.user_days}) AS "userDays",
               (SELECT coalesce(sum(events), 0)::bigint FROM ${tx.t.days}) AS days,
               (SELECT coalesce(sum(events), 0)::bigint FROM ${tx.t.event_type_days}) AS "typeDays"
          FROM ${tx.t.events} WHERE batch_id <> ALL (${open}::bigint[])`.execute(tx.q)
      return rows[0]!
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

/** Looks every few milliseconds until told to stop. */
function poller(db: Database): { seen: Seen[]; stop: () => Promise<void> } {
  const seen: Seen[] = []
  let over = false
  const looking = (async () => {
    while (!over) {
      seen.push(await look(db))
      await sleep(pollEveryMs)
    }
  })()
  return {
    seen,
    stop: () => {
      over = true
      return looking
    },
  }
}

test('a poller sees whole batches only, and rollups that agree with the events', async () => {
  const folder = await temporaryFolder()
  try {
    await withFreshDatabase(async (db, url) =>
      withPool({ url, schema: 'ea', maxConnections: 1 }, async (eyes) => {
        const { seen, stop } = poller(eyes)
        // What may be seen: what is there between two steps, and nothing else.
        const allowed: Seen[] = [await look(db)]
        const step = async (what: () => Promise<unknown>) => {
          await what()
          allowed.push(await look(db))
        }
        const options = (round: number): ImportOptions => ({
          chunkBytes: 4_000,
          jobs: 1 + (round % 3),
          maxRejects: { records: 20 },
        })
        for (let round = 0; seen.length < polls; round++) {
          const path = (name: string, broken = 0) =>
            writeCsv(
              `${folder}/${name}.csv`,
              records(round * 10 + name.length, { count: 700, ids: [0, 3_000], repeats: 10, broken }),
            )
          const [plain, atomic, resumed] = [path('plain', 1), path('atomic'), path('resumed')]
          let plainId = 0
          await step(async () => {
            plainId = (await importFiles(db, [plain], options(round))).files[0]!.id!
          })
          await step(() => importFiles(db, [atomic], { ...options(round), atomic: true }))
          await step(async () => {
            armFailpoint(`${['chunk.done@9', 'complete.status'][round % 2]}=error`)
            await expect(importFiles(db, [resumed], options(round))).rejects.toThrow('failpoint')
          })
          await step(() => importFiles(db, [resumed], options(round)))
          await step(async () => {
            armFailpoint('undo.before-commit=error')
            await expect(undoBatch(db, plainId)).rejects.toThrow('failpoint')
          })
          await step(() => undoBatch(db, plainId))
          await step(async () => {
            const { files } = await importFiles(db, [path('refused', 30)], {
              ...options(round),
              maxRejects: { percent: 1 },
            })
            expect(files[0]!.status).toBe('failed')
          })
          await step(() => importFiles(db, [plain], options(round)))
        }
        await stop()
        await expectSound(db)
        expect(seen.length).toBeGreaterThanOrEqual(polls)
        for (const one of [...seen, ...allowed]) {
          expect({ ...one, userDays: one.events, days: one.events, typeDays: one.events }).toEqual(one)
        }
        // Each look is one of the allowed states, and never one that was over already.
        const states = new Map(allowed.map((state, index) => [JSON.stringify(state), index]))
        const order = seen.map((one) => states.get(JSON.stringify(one)))
        expect(order).not.toContain(undefined)
        expect(order).toEqual([...order].sort((a, b) => a! - b!))
        // The poller looked in time: most states that lasted were seen.
        expect(new Set(order).size).toBeGreaterThan(5)
      }),
    )
  } finally {
    armFailpoint(undefined)
    await rm(folder, { recursive: true, force: true })
  }
})
