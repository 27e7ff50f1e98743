/** `GET /batches`, `/batches/:id` and `/batches/:id/rejects`. What they hold is compared with the commands in parity.test.ts. */
import { expect, test } from 'vitest'
import { keepRejects } from '../../../src/lib/batches/rejects.js'
import { withTransaction } from '../../../src/lib/db/connect.js'
import { problemsOf } from '../../contract/openapi/openapi-judge.js'
import { storeEvents } from '../../support/events.js'
import { type Answering, withAnswering } from '../answers/answers-of-server.js'

/** Batches 1 to 3, the last one loading; the first has 25 rejects. */
const withBatches = (use: (answering: Answering) => Promise<void>) =>
  withAnswering({}, async (answering) => {
    const { db } = answering
    await storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann' }])
    await storeEvents(db, [{ at: '2025-08-02T10:00:00Z', user: 'ann' }])
    await storeEvents(db, [{ at: '2025-08-03T10:00:00Z', user: 'ann' }], 'loading')
    const rejects = Array.from({ length: 25 }, (_, index) => ({
      record: index + 1,
      line: index + 2,
      byteOffset: 100 * index,
      code: 'field_count' as const,
      raw: Buffer.from(`short ${index + 1}, "quoted"`),
    }))
    await withTransaction(db, (tx) => keepRejects(tx, 1, rejects))
    await use(answering)
  })

test('the newest come first, so many as are asked for', () =>
  withBatches(async ({ json, get }) => {
    const ids = async (path: string) => (await json(path)).data.map(({ id }: { id: number }) => id)
    expect(await ids('/batches')).toEqual([3, 2, 1])
    expect(await ids('/batches?limit=2')).toEqual([3, 2])
    expect(await ids('/batches?status=completed')).toEqual([2, 1])
    expect((await json('/batches?limit=1')).meta).toMatchObject({ limit: 1, more: true, status: null })
    expect(await (await get('/batches?format=csv')).text()).toMatch(/^id,created_at,status,.*\r\n3,/)
  }))

test('one batch', () =>
  withBatches(async ({ json }) => {
    expect(await json('/batches/1')).toMatchObject({ id: 1, status: 'completed', inserted: 1 })
    expect(await json('/batches/3')).toMatchObject({ id: 3, status: 'loading' })
  }))

test('a record that was too long is documented as it is answered: without text', () =>
  withBatches(async ({ db, json }) => {
    const reject = { record: 1, line: 1, byteOffset: 0, code: 'record_too_long' as const, raw: Buffer.from('begins') }
    await withTransaction(db, (tx) => keepRejects(tx, 2, [reject]))
    const { data } = await json('/batches/2/rejects')
    expect(data).toMatchObject([{ record: 1, text: null }])
    expect(problemsOf({ $ref: '#/components/schemas/Reject' }, data[0])).toEqual([])
  }))

test('rejects come in pages, in the order of the file', () =>
  withBatches(async ({ json, get }) => {
    const seen: number[] = []
    for (;;) {
      const { data, meta } = await json(`/batches/1/rejects?limit=12&after=${seen.at(-1) ?? 0}`)
      expect(meta).toMatchObject({ batch: 1, limit: 12 })
      seen.push(...data.map(({ record }: { record: number }) => record))
      if (data.length < 12) break
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => index + 1))
    expect((await json('/batches/2/rejects')).data).toEqual([])
    const csv = await (await get('/batches/1/rejects', { accept: 'text/csv' })).text()
    expect(csv.split('\r\n')).toHaveLength(27)
    expect(csv).toContain('\r\n25,26,2400,field_count,,"short 25, ""quoted"""\r\n')
  }))

// A path, its status, and what the problem says.
const refused: [string, number, object][] = [
  ['/batches/99', 404, { code: 'batch_not_found' }],
  ['/batches/99/rejects', 404, { code: 'batch_not_found' }],
  ['/batches/zero', 400, { detail: expect.stringContaining('"zero"') }],
  ['/batches/0', 400, { code: 'usage' }],
  ['/batches/-1', 400, { code: 'usage' }],
  ['/batches/99999999999999999999', 400, { code: 'usage' }],
  ['/batches/1e0', 400, { code: 'usage' }],
  ["/batches/1'--", 400, { code: 'usage' }],
  ['/batches?limit=0', 400, { detail: 'limit must be a whole number from 1 to 1000, not "0".' }],
  ['/batches?limit=1001', 400, { code: 'usage' }],
  ['/batches?limt=1', 400, { suggestions: ['Did you mean limit?'] }],
  ['/batches?status=done', 400, { detail: expect.stringContaining('"done"') }],
  ['/batches/1?format=csv', 400, { code: 'usage' }],
  ['/batches/1/rejects?after=-1', 400, { code: 'usage' }],
  ['/batches/1/rejects?format=md', 400, { code: 'usage' }],
]

test('what is not understood is refused', () =>
  withBatches(async ({ get }) => {
    for (const [path, status, problem] of refused) {
      const answer = await get(path)
      expect([path, answer.status, await answer.json()]).toEqual([path, status, expect.objectContaining(problem)])
    }
    expect((await get('/batches/1', { accept: 'text/csv' })).status).toBe(406)
    expect((await get('/batches/1/rejects', { accept: 'text/markdown' })).status).toBe(406)
  }))
