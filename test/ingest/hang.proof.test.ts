/** A database that does not answer at all, not even with a refusal: nobody waits for it for ever, and nothing is lost. */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { withIngest } from '../../src/lib/ingest/ingest.js'
import { until } from '../support/import/import-child.js'
import { expectSound } from '../support/import/import-state.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { withDatabaseGate } from '../support/postgres/database-gate.js'
import { temporaryFolder } from '../support/postgres/server.js'
import { eventOf, requestOf } from './ingesting.js'

test('a database that hangs: the events go to the spool, and are stored once when it is back', async () => {
  const spoolDir = await temporaryFolder()
  await withFreshDatabase((db, url) =>
    withDatabaseGate(url, async (gate) => {
      await withPool({ url: gate.url, schema: 'ea' }, (own) =>
        withIngest(own, { spoolDir, timezone: 'UTC', answerWithinMs: 300 }, async (ingest) => {
          await until(async () => (await ingest.accept(await requestOf([eventOf(1)]))).status === 200)
          gate.hold()
          const held = await Promise.all(
            [2, 3, 4].map(async (n) => ingest.accept(await requestOf([eventOf(n), eventOf(1)]))),
          )
          expect(held.map(({ status }) => status)).toEqual([202, 202, 202])
          expect(ingest.state).toMatchObject({ isDatabaseUp: false, waiting: 0 })
          // Nobody else has to find out.
          expect(await ingest.accept(await requestOf([eventOf(5)]))).toMatchObject({ status: 202 })
          await gate.shut()
          await gate.open()
          await until(() => ingest.state.spool.requests === 0)
          await until(async () => (await ingest.accept(await requestOf([eventOf(6)]))).status === 200)
        }),
      )
      const { rows } = await sql<{ id: string }>`
        SELECT event_id::text AS id FROM ${db.t.events} ORDER BY event_id`.execute(db.q)
      expect(rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6].map((n) => eventOf(n).event_id))
      await expectSound(db)
    }),
  )
  await rm(spoolDir, { recursive: true, force: true })
})
