import { expect, test } from 'vitest'
import { withTransaction } from '../../../src/lib/db/connect.js'
import { render } from '../../../src/lib/present/tables/render.js'
import { runSql } from '../../../src/lib/stats/sql/run-sql.js'
import { storeEvents } from '../../support/events.js'
import { sharedDatabase } from '../../support/postgres/shared-database.js'

const db = sharedDatabase()
const at = '2025-08-01T10:00:00Z'

test('an answer has the columns of the statement, with their kinds, and all digits', async () => {
  const result = await runSql(
    db(),
    `SELECT 1 AS n, 12345678901234567.89::numeric AS big, true AS yes, date '2025-08-01' AS day,
       timestamptz '2025-08-01T12:00:00+02' AS at, '{"a": 1.50}'::jsonb AS j, NULL::int AS nothing, 'x' AS n, 'NaN'::float8 AS odd`,
  )
  expect(result.columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    ...[
      'n number',
      'big number',
      'yes flag',
      'day date',
      'at instant',
      'j json',
      'nothing number',
      'n_2 text',
      'odd number',
    ],
  ])
  expect(result.data).toEqual([
    {
      n: 1,
      big: '12345678901234567.89',
      yes: true,
      day: '2025-08-01',
      at: '2025-08-01T10:00:00Z',
      j: '{"a": 1.50}',
      nothing: null,
      n_2: 'x',
      odd: 'NaN',
    },
  ])
  const json = await render(result, 'ndjson', { color: false, isTty: false, width: 80 })
  expect(json).toContain('"big":12345678901234567.89')
  expect(json).toContain('"j":{"a": 1.50}')
  expect(json).toContain('"odd":"NaN"')
})

test('visible_events are the events of completed batches; user_days and days are theirs', async () => {
  const event = (user: string, day: string) => ({ at: `${day}T10:00:00Z`, user })
  await storeEvents(db(), [event('ann', '2025-08-01'), event('ann', '2025-08-01'), event('ann', '2025-08-03')])
  await storeEvents(db(), [event('bob', '2025-08-02')], 'loading')
  const rows = async (text: string) => (await runSql(db(), text)).data
  expect(await rows('SELECT user_id, count(*) AS events FROM visible_events GROUP BY 1')).toEqual([
    { user_id: 'ann', events: 3 },
  ])
  expect(await rows('SELECT day, prev_day, first_day, events FROM user_days ORDER BY day')).toEqual([
    { day: '2025-08-01', prev_day: null, first_day: '2025-08-01', events: 2 },
    { day: '2025-08-03', prev_day: '2025-08-01', first_day: '2025-08-01', events: 1 },
  ])
  expect(await rows('SELECT sum(events) AS events, sum(active_users) AS users FROM days')).toEqual([
    { events: 3, users: 2 },
  ])
})

test('what does not read is refused, and nothing is changed', async () => {
  await storeEvents(db(), [{ at, user: 'ann' }])
  for (const [text, code, message] of [
    ['DELETE FROM events', 'usage', /begins with DELETE/],
    ['  -- a comment\n/* another */ COMMIT', 'usage', /begins with COMMIT/],
    ['LOCK TABLE events', 'usage', /begins with LOCK/],
    ["SET statement_timeout = '0'", 'usage', /begins with SET/],
    ['', 'usage', /no statement/],
    ["COPY events TO '/tmp/x'", 'usage', /begins with COPY/],
    ['SELECT 1; SELECT 2', 'usage', /several/],
    ['SELECT 1; DELETE FROM events', 'usage', /several/],
    ['WITH gone AS (DELETE FROM events RETURNING 1) SELECT count(*) FROM gone', 'sql_refused', /read-only/],
    ['EXPLAIN ANALYZE DELETE FROM events', 'sql_refused', /read-only/],
    ['SELECT * INTO copied FROM events', 'sql_refused', /read-only/],
    ['SELECT * FROM events FOR UPDATE', 'sql_refused', /read-only/],
    ["SELECT set_config('transaction_read_only', 'off', true)", 'sql_refused', /read-only|before any query/],
    ['SELECT\n  nme FROM events', 'sql_refused', /column "nme" does not exist\n {4}nme FROM events\n {4}\^/],
  ] as const) {
    await expect(runSql(db(), text), text).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  }
  expect((await runSql(db(), '(SELECT count(*) AS n FROM events);')).data).toEqual([{ n: 5 }])
  expect((await runSql(db(), 'EXPLAIN SELECT 1')).data[0]).toHaveProperty('QUERY PLAN')
})

test('it ends by its time limit, by its signal, and with more cells than an answer has', async () => {
  const never = 'SELECT count(*) FROM generate_series(1, 1000000000000)'
  await expect(runSql(db(), 'SELECT pg_sleep(60)', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'query_timeout' })
  await expect(
    runSql(db(), "SELECT set_config('statement_timeout', '0', true), pg_sleep(60)", { timeoutMs: 50 }),
  ).rejects.toMatchObject({ code: 'query_timeout' })
  const stop = new AbortController()
  const running = runSql(db(), never, { signal: stop.signal })
  const isRunning = async () =>
    (await db().pool.query('SELECT FROM pg_stat_activity WHERE query = $1', [never])).rowCount
  while ((await isRunning()) === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  stop.abort()
  await expect(running).rejects.toMatchObject({ code: '57014' })
  expect(await isRunning()).toBe(0)
  await expect(runSql(db(), 'SELECT n FROM generate_series(1, 100000000) AS n')).rejects.toMatchObject({
    code: 'answer_too_large',
  })
})

test('what a statement sets and locks for its session does not stay', async () => {
  await runSql(db(), "SELECT set_config('ea.left', 'here', false), pg_advisory_lock(4711)")
  await withTransaction(db(), async ({ client }) => {
    const { rows } = await client.query(
      "SELECT current_setting('ea.left', true) AS setting, (SELECT count(*) FROM pg_locks WHERE objid = 4711)::int AS locks",
    )
    expect(rows).toEqual([{ setting: expect.not.stringMatching('here'), locks: 0 }])
  })
})
