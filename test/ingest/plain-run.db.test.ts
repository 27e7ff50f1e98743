/** The same requests leave the same, whether plain records go straight into `events` or are staged. */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Database } from '../../src/lib/db/connect.js'
import { readEvents } from '../../src/lib/ingest/body/body.js'
import type { CommitRequest, RequestResult } from '../../src/lib/ingest/body/request.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { PlainRun } from '../../src/lib/ingest/plain-run.js'
import { resolveMapping } from '../../src/lib/load/mapping/mapping.js'
import { addRollups, removeRollups } from '../../src/lib/rollups/on-demand/add-remove.js'
import { hostileRecord, type Writing, written } from '../load/direct/hostile.js'
import { assertProperty, atLeast } from '../support/effort.js'
import { storeBatch } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { eventOf, idOf } from './ingesting.js'

const receivedAt = new Date('2026-01-10T10:20:30Z')
const asJson: Writing = {
  format: 'ndjson',
  delimiter: ',',
  quote: '"',
  quotesAll: false,
  lineEnd: '\n',
  endsWithLine: false,
  order: [0, 1, 2, 3, 4],
  blank: '',
}

/** One line for each record: more than travel as a parameter, and odd ones among them. */
const lines = fc
  .tuple(
    fc.nat({ max: 3000 }),
    fc.integer({ min: 501, max: 700 }),
    fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(hostileRecord, { maxLength: 4 })),
  )
  .map(([first, count, odd]) => [
    ...Array.from({ length: count }, (_, k) =>
      JSON.stringify(
        eventOf(first + k, { properties: { country: k % 2 ? 'UA' : 'PL', n: k }, event_type: `t${k % 3}` }),
      ),
    ),
    ...odd.map((record) => written([record], asJson)),
  ])
/** How they are sent. */
const forms: Readonly<Record<string, (lines: readonly string[]) => [body: string, type: 'json' | 'ndjson']>> = {
  lines: (given) => [given.join('\n'), 'ndjson'],
  'lines that end with CRLF': (given) => [given.map((line) => `${line}\r\n`).join(''), 'ndjson'],
  array: (given) => [`[${given.join(',')}]`, 'json'],
  'array with blanks': (given) => [`[\n  ${given.map((line) => line.replace('{', '{\n ')).join(' ,\n  ')}\n]`, 'json'],
  envelope: (given) => [`{"sent_at": 5, "events": [${given.join(',')}]}`, 'json'],
}
const bodies = fc.record({
  lines,
  form: fc.constantFrom(...Object.keys(forms)),
  sender: fc.constantFrom('one', 'two'),
  atomic: fc.boolean(),
  key: fc.constantFrom(undefined, undefined, 'k'),
})
type Body = typeof bodies extends fc.Arbitrary<infer B> ? B : never

/** Null when the body is refused before. */
async function requestOf({ lines: given, form, sender, atomic, key }: Body): Promise<CommitRequest | null> {
  const [text, type] = forms[form]!(given)
  const bytes = Buffer.from(text)
  const chunk = await readEvents(bytes, type).catch(() => null)
  const idempotency = key === undefined ? {} : { idempotency: { key, bodySha256: Buffer.alloc(32, given.length) } }
  return (
    chunk && {
      id: randomUUID(),
      kind: 'events',
      sender,
      receivedAt,
      chunk,
      bytes: bytes.length,
      atomic,
      ...idempotency,
    }
  )
}

/** Every row of every table that a commit changes, without what tells when. Batches are numbered anew: a try that fails costs a number. */
async function contentOf(db: Database): Promise<unknown> {
  const { rows } = await sql`
    SELECT (SELECT json_agg(to_jsonb(e) ORDER BY event_id) FROM (
              SELECT event_id, occurred_at, batch_id, user_id, event_type, properties::text FROM ${db.t.events}) e) AS events,
           (SELECT json_agg(to_jsonb(b) - '{created_at,finished_at,seconds}'::text[] ORDER BY id) FROM ${db.t.import_batches} b) AS batches,
           (SELECT json_agg(r ORDER BY batch_id, record) FROM ${db.t.rejected_records} r) AS rejects,
           (SELECT json_agg(d ORDER BY batch_id, record) FROM ${db.t.differing_duplicates} d) AS differences,
           (SELECT json_agg(o ORDER BY batch_id, owner_id) FROM ${db.t.import_overlaps} o) AS overlaps,
           (SELECT json_agg(to_jsonb(p) - 'id' ORDER BY id) FROM ${db.t.pending_events} p) AS pending,
           (SELECT json_agg(to_jsonb(a) - 'answered_at' ORDER BY sender, key) FROM ${db.t.http_answers} a) AS answers,
           (SELECT json_agg(u ORDER BY user_id, day) FROM ${db.t.user_days} u) AS user_days,
           (SELECT json_agg(d ORDER BY day) FROM ${db.t.days} d) AS days,
           (SELECT json_agg(t ORDER BY event_type, day) FROM ${db.t.event_type_days} t) AS type_days,
           (SELECT json_agg(p ORDER BY value, user_id, day) FROM ${db.t.property_user_days} p) AS property_days,
           (SELECT json_agg(t ORDER BY user_id) FROM ${db.t.user_times} t) AS times`.execute(db.q)
  const content = rows[0] as { batches: { id: number }[] }
  const numbers = content.batches.map(({ id }) => id)
  return JSON.parse(JSON.stringify(content), (key, value) => {
    if (key === 'batch_ids') return value.map((id: string) => numbers.indexOf(Number(id)))
    return ['id', 'batch_id', 'owner_id'].includes(key) ? numbers.indexOf(value) : value
  })
}

async function empty({ q, t }: Database): Promise<void> {
  await sql`
    TRUNCATE ${t.events}, ${t.import_batches}, ${t.user_days}, ${t.days}, ${t.event_type_days}, ${t.property_user_days},
             ${t.property_days}, ${t.user_times}, ${t.http_answers}, ${t.pending_events} RESTART IDENTITY CASCADE`.execute(
    q,
  )
}

/** What runs of requests are answered, and what they leave. */
async function outcome(db: Database, runs: readonly (readonly Body[])[], isStaged: boolean): Promise<unknown> {
  await empty(db)
  await storeBatch(db, [{ at: '2025-10-06T10:00:00Z', user: 'u1', id: idOf(2999) }], 'loading')
  const answers: (readonly RequestResult[])[] = []
  for (const bodies of runs) {
    const run = (await Promise.all(bodies.map(requestOf))).filter((request) => request !== null)
    if (run.length === 0) continue
    // Which are expected to repeat ids are staged.
    const last = { mode: 'optimistic' as const, expects: isStaged ? ('repeats' as const) : ('new' as const) }
    answers.push((await commitGroup(db, run, { timezone: 'UTC', last }))!)
  }
  return { answers, ...((await contentOf(db)) as object) }
}

/** Whether the records of a run can take the short way. */
async function isPlain(run: readonly Body[]): Promise<boolean> {
  const rules = {
    mapping: resolveMapping({ columns: null }),
    timeFormat: { kind: 'auto' },
    latest: receivedAt,
  } as const
  const requests = (await Promise.all(run.map(requestOf))).filter((request) => request !== null)
  return (await PlainRun.of(requests, rules, 'UTC')) !== undefined
}

test('answers, events, rejects, duplicates and rollups are the same on both ways', { tags: 'property' }, async () => {
  let plain = 0
  await withFreshDatabase(async (db) => {
    const rollups = [
      { kind: 'property', path: ['country'] },
      { kind: 'event_type', eventType: 't1' },
    ] as const
    for (const kept of [[], rollups]) {
      if (kept.length > 0) await addRollups(db, kept)
      await assertProperty(
        fc.asyncProperty(
          fc.array(
            fc.oneof(
              bodies.map((body) => [body]),
              // An atomic request stands alone.
              fc.array(
                bodies.map((body) => ({ ...body, atomic: false, key: undefined })),
                { minLength: 2, maxLength: 3 },
              ),
            ),
            { minLength: 1, maxLength: 3 },
          ),
          async (runs) => {
            for (const run of runs) plain += (await isPlain(run)) ? 1 : 0
            expect(await outcome(db, runs, false)).toEqual(await outcome(db, runs, true))
          },
        ),
        30,
      )
    }
    await removeRollups(db, rollups)
  })
  expect(plain).toBeGreaterThan(atLeast(20))
})
