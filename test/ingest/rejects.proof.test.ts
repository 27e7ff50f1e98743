/** So many rejects in one request, or so slow a one, that others could suffer: they do not, and every record is counted. */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { listBatches } from '../../src/lib/batches/batches.js'
import type { Database } from '../../src/lib/db/connect.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { type IngestEvent, type OpenIngest, withIngest } from '../../src/lib/ingest/ingest.js'
import { until } from '../support/import/import-child.js'
import { expectSound } from '../support/import/import-state.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { temporaryFolder } from '../support/postgres/server.js'
import { eventOf, requestOf } from './ingesting.js'

/** More than a call takes as arguments. */
const many = 130_000

test.each([
  ['objects', '{}', 'missing_event_id'],
  ['no objects', '5', 'not_an_object'],
])('a hundred thousand rejects, %s: the first are named and kept, all are counted', (_, record, code) =>
  withFreshDatabase(async (db) => {
    const body = `[${JSON.stringify(eventOf(1))},${Array(many).fill(record).join()},${JSON.stringify(eventOf(1))}]`
    const [only] = (await commitGroup(db, [await requestOf(body)], { timezone: 'UTC' }))!
    expect(only).toMatchObject({ status: 207, answer: { inserted: 1, duplicates: 1, rejected_total: many } })
    const { rejected } = (only as { answer: { rejected: readonly unknown[] } }).answer
    expect(rejected).toHaveLength(1_000)
    expect(rejected.at(-1)).toMatchObject({ index: 1_000, code })
    const [batch] = await listBatches(db)
    expect(batch).toMatchObject({ read: many + 2, inserted: 1, duplicates: 1, rejected: many })
    const kept = await sql<{ n: number }>`SELECT count(*) AS n FROM ${db.t.rejected_records}`.execute(db.q)
    expect(kept.rows).toEqual([{ n: 1_000 }])
  }),
)

/** An intake on a database where storing an event of a user does something first. */
async function withTrigger(
  user: string,
  does: string,
  use: (ingest: OpenIngest, events: IngestEvent[], db: Database) => Promise<void>,
): Promise<void> {
  const spoolDir = await temporaryFolder()
  await withFreshDatabase(async (db) => {
    await db.pool.query(`
      CREATE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${does}; RETURN new; END $$;
      CREATE TRIGGER hinder BEFORE INSERT ON ea.events FOR EACH ROW WHEN (new.user_id = '${user}') EXECUTE FUNCTION hinder()`)
    const events: IngestEvent[] = []
    const options = {
      spoolDir,
      timezone: 'UTC',
      answerWithinMs: 300,
      onEvent: (event: IngestEvent) => events.push(event),
    }
    await withIngest(db, options, (ingest) => use(ingest, events, db))
    await expectSound(db)
  })
  await rm(spoolDir, { recursive: true, force: true })
}

const typesOf = (events: readonly IngestEvent[]) => events.map(({ type }) => type)

test('a request that takes long is queued, and the database does not count as away', () =>
  withTrigger('slow', 'PERFORM pg_sleep(1)', async (ingest, events, db) => {
    const answer = await ingest.accept(await requestOf([eventOf(1, { user_id: 'slow' })]))
    expect(answer.status).toBe(202)
    expect(ingest.state.isDatabaseUp).toBe(true)
    await until(() => ingest.state.spool.requests === 0)
    await until(async () => (await ingest.accept(await requestOf([eventOf(2)]))).status === 200)
    expect(typesOf(events)).toContain('busy')
    expect(typesOf(events)).not.toContain('away')
    const { rows } = await sql`SELECT user_id FROM ${db.t.events} ORDER BY event_id`.execute(db.q)
    expect(rows).toEqual([{ user_id: 'slow' }, { user_id: 'u2' }])
  }))

test('one that is always given up becomes a dead letter, and others go on', () =>
  withTrigger('slow', "RAISE 'too long' USING ERRCODE = '57014'", async (ingest, events) => {
    expect(await ingest.accept(await requestOf([eventOf(1, { user_id: 'slow' })]))).toMatchObject({ status: 202 })
    expect(ingest.state.isDatabaseUp).toBe(true)
    await until(() => ingest.state.spool.requests === 0)
    expect(ingest.state.spool).toMatchObject({ deadLetters: 1 })
    await until(async () => (await ingest.accept(await requestOf([eventOf(2)]))).status === 200)
    expect(typesOf(events)).not.toContain('away')
  }))
