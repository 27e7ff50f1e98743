/** What an answer may be at most is known before it is asked for; the users behind a number come in pieces. */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { parseCheckFile } from '../../../src/lib/checks/file/check-file.js'
import { runChecks } from '../../../src/lib/checks/run.js'
import { withTransaction } from '../../../src/lib/db/connect.js'
import { rebuildRollups } from '../../../src/lib/rollups/rebuild.js'
import { dauStat } from '../../../src/lib/stats/dau.js'
import { countWindows, maxNumbers, requireAnswerable } from '../../../src/lib/stats/query/answer-size.js'
import { drillDown, eachUser, userBefore } from '../../../src/lib/stats/query/drill-down.js'
import { retention } from '../../../src/lib/stats/retention.js'
import { stickiness } from '../../../src/lib/stats/stickiness.js'
import { trend } from '../../../src/lib/stats/trend.js'
import { storeEvents } from '../../support/events.js'
import { withFreshDatabase } from '../../support/postgres/database.js'

const years = { from: '2014-01-01', to: '2026-01-01' }
const tooLarge = (message: RegExp) => ({ code: 'answer_too_large', message: expect.stringMatching(message) })

test('an answer that would be too large is refused before it is asked for, with what to change', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann', type: 'view' }])
    // Nobody reads events from now on: what is refused has not been asked.
    await sql`ALTER TABLE ${db.t.events} RENAME TO elsewhere`.execute(db.q)
    const byItem = { ...years, by: 'properties.item_id', limit: 1000 }
    const refusal = await trend(db, byItem, { spell: (name) => `--${name}` }).catch((error) => error)
    expect(refusal).toMatchObject({
      code: 'answer_too_large',
      message: 'The answer could have 4,384,000 numbers (4,384 days times 1,000 keys); 250,000 is the most.',
      suggestions: ['Ask for 250 days or fewer: --from, --to, --grain.', 'Ask for 57 keys or fewer: --limit.'],
      details: { numbers: 4_384_000, max_numbers: 250_000 },
    })
    await expect(trend(db, { ...byItem, grain: 'hour', limit: 3 })).rejects.toMatchObject(
      tooLarge(/hours times 3 keys/),
    )
    await expect(
      retention(db, { startDate: '2024-01-01', to: '2025-01-01', windowType: 'day', windows: 1000 }),
    ).rejects.toMatchObject(tooLarge(/367 cohorts times 1,001 windows|cohorts times 1,001 windows/))
    await expect(stickiness(db, { from: '1980', to: '2025', grain: 'hour' })).rejects.toMatchObject(tooLarge(/hours/))
    const checks = parseCheckFile({
      file: 'checks.yaml',
      text: `checks:
  - name: items
    stat: trend
    params: {from: 2014-01-01, to: 2026-01-01, by: properties.item_id, limit: 1000}
    assert: count() > 1`,
    })
    await expect(runChecks(db, checks)).rejects.toMatchObject(
      tooLarge(/^checks.yaml:2:5: items: The answer could have/),
    )
  })
})

test('what is allowed is answered', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann', type: 'view' }])
    const { data } = await trend(db, { from: '2025-01-01', to: '2025-12-31', by: 'event_type', limit: 600 })
    expect(data).toHaveLength(365)
  })
  expect(() => requireAnswerable([{ count: maxNumbers, of: 'keys', params: ['limit'] }])).not.toThrow()
  expect(() => requireAnswerable([{ count: maxNumbers + 1, of: 'keys', params: ['limit'] }])).toThrow(/250,001/)
  const range = { from: '2025-01-01', to: '2026-01-01' }
  const counts = (['hour', 'day', 'week', 'month'] as const).map((grain) => countWindows(grain, { range }))
  expect(counts).toEqual([8760, 365, 53, 12])
})

test('users come page by page, and all of them piece by piece', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'Zoë', type: 'view' }])
    await withTransaction(db, async (tx) => {
      await sql`
        INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
        SELECT gen_random_uuid(), '2025-08-01T12:00:00Z', (SELECT max(id) FROM ${tx.t.import_batches}), 'u' || n, 'view', '{}'
        FROM generate_series(1, 20500) AS n`.execute(tx.q)
      await rebuildRollups(tx)
    })
    const all = await drillDown(db, dauStat, {}, '2025-08-01')
    expect(all.data).toHaveLength(20_501)
    expect(all.meta).not.toHaveProperty('next_cursor')

    const paged: unknown[] = []
    const sizes: number[] = []
    for (let after: string | undefined, isLast = false; !isLast; ) {
      const { data, meta } = await drillDown(db, dauStat, {}, '2025-08-01', { page: { size: 8000, after } })
      paged.push(...data)
      sizes.push(data.length)
      isLast = meta.next_cursor === undefined
      after = isLast ? undefined : userBefore(meta.next_cursor as string)
    }
    expect(sizes).toEqual([8000, 8000, 4501])
    expect(paged).toEqual(all.data)

    const pieces: number[] = []
    const streamed: unknown[] = []
    const answer = await eachUser(db, dauStat, {}, '2025-08-01', async (users) => {
      pieces.push(users.length)
      streamed.push(...users)
    })
    expect(pieces).toEqual([10_000, 10_000, 501])
    expect(streamed).toEqual(all.data)
    const { as_of: _, ...meta } = answer.meta
    expect(all.meta).toMatchObject(meta)

    const exact = await drillDown(db, dauStat, {}, '2025-08-01', { page: { size: 20_501 } })
    expect(exact.meta).not.toHaveProperty('next_cursor')
    await expect(
      eachUser(db, dauStat, {}, '2025-08-01', async () => {
        throw new Error('the reader has gone')
      }),
    ).rejects.toThrow('the reader has gone')
  })
})

test.each(['', '=', 'ä', 'AA', Buffer.from('a\0').toString('base64url'), 'dTEwMDc='])('%j is not a cursor', (text) => {
  expect(userBefore(text)).toBeUndefined()
})
