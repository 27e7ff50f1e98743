import { expect, test } from 'vitest'
import { mau } from '../../src/lib/stats/mau.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'

test('a user counts on his day and on the 29 after it, across months', async () => {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, [
      { at: '2025-01-30T10:00:00Z', user: 'ann' },
      { at: '2025-02-28T10:00:00Z', user: 'bob' },
      { at: '2025-03-01T10:00:00Z', user: 'ann' },
      { at: '2025-05-01T10:00:00Z', user: 'cid' },
    ])
    for (const [tz, source] of [
      ['UTC', 'rollups'],
      ['Africa/Abidjan', 'events'],
    ]) {
      const { data, meta } = await mau(db, { from: '2025-02-27', to: '2025-04-01', tz })
      expect(meta.source).toBe(source)
      const counted = Object.fromEntries(data.map((row) => [row.date, row.unique_users]))
      // ann leaves for no day: the 30th of January and the 1st of March are 30 days apart.
      expect([counted['2025-02-27'], counted['2025-02-28'], counted['2025-03-01']]).toEqual([1, 2, 2])
      expect([counted['2025-03-29'], counted['2025-03-30'], counted['2025-03-31']]).toEqual([2, 1, 0])
      expect(data).toHaveLength(34)
    }
  })
})
