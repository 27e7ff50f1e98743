/** `ea batches …` as a user runs it. */
import { readFile, writeFile } from 'node:fs/promises'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { type Bench, csvOf, withBench } from './import-content.js'

beforeAll(builtOnce)

/** Batch 1 has the events 0–9; batch 2 the events 6–15 and two rejects; batch 3 failed. */
async function importThree({ ea, path }: Bench): Promise<void> {
  await writeFile(path('first.csv'), csvOf(0, 10))
  await writeFile(path('second.csv'), `${csvOf(6, 16)}no-uuid,2025-01-01,"a ""b"" c",view,\nshort\n`)
  await writeFile(path('third.csv'), 'event_id,occurred_at,user_id,event_type\nx,y,z,w\n')
  await ea(['import', path('first.csv')])
  await ea(['import', path('second.csv'), '--max-rejects', '2'])
  await ea(['import', path('third.csv')])
}

test('list: newest first, by status, in every format', () =>
  withBench(async (bench) => {
    const { ea, json } = bench
    expect((await ea(['batches', 'list'])).stdout).toBe('No rows.\n')
    await importThree(bench)
    const all = await json(['batches', 'list'])
    expect(all.data.map(({ id, status, inserted }: Record<string, unknown>) => [id, status, inserted])).toEqual([
      [3, 'failed', 0],
      [2, 'completed', 6],
      [1, 'completed', 10],
    ])
    expect(all.data[0]).toMatchObject({ failure: 'rejects_over_budget', rejected: 1 })
    expect((await json(['batches', 'list', '--status', 'completed', '--limit', '1'])).data).toMatchObject([{ id: 2 }])
    const more = await ea(['batches', 'list', '--limit', '2'])
    expect(more.stderr).toContain('There are more: --limit')
    expect(more.stdout.split('\n')).toHaveLength(4)
    const csv = await ea(['batches', 'list', '--format', 'csv'])
    expect(csv.stdout).toMatch(/^id,created_at,status,stale,read,inserted,duplicates,rejected,bytes,seconds,file\r\n3,/)
  }))

test('show --duplicates: those with other content, and in what they differ', () =>
  withBench(async (bench) => {
    const { ea, json, path } = bench
    await importThree(bench)
    await writeFile(path('again.csv'), csvOf(0, 3).replaceAll(/,view,/g, ',click,'))
    const { stdout } = await ea(['import', path('again.csv')])
    expect(stdout).toContain('  3 duplicates, 3 of them with other content: ea batches show 4 --duplicates\n')
    expect((await ea(['batches', 'show', '4'])).stdout).toMatch(/^ {2}differing +3 with other content: ea batches/m)
    expect(await json(['batches', 'show', '4'])).toMatchObject({ duplicates: 3, differing: 3 })
    const listed = await json(['batches', 'show', '4', '--duplicates'])
    expect(listed).toMatchObject({ metric: 'duplicates', meta: { batch: 4, duplicates: 3, differing: 3, listed: 3 } })
    expect(listed.data).toMatchObject(
      [1, 2, 3].map((record) => ({ record, differs_in: 'event_type', stored_by_batch: 1 })),
    )
    expect((await ea(['batches', 'show', '4', '--duplicates'])).stdout).toMatch(/^record +line +event_id +differs_in/)
    expect((await ea(['batches', 'show', '2', '--duplicates'])).stdout).toBe('No rows.\n')
  }))

test('show: counts, how it was read, overlaps in both directions, reasons', () =>
  withBench(async (bench) => {
    await importThree(bench)
    const { ea, json, path } = bench
    expect(await json(['batches', 'show', '2'])).toMatchObject({
      code: 0,
      id: 2,
      file: path('second.csv'),
      status: 'completed',
      stale: false,
      read: 12,
      inserted: 6,
      duplicates: 4,
      rejected: 2,
      chunks: 1,
      reading: { format: 'csv', timezone: 'UTC' },
      reasons: [
        { code: 'field_count', count: 1 },
        { code: 'invalid_event_id', count: 1 },
      ],
      leans_on: [{ id: 1, duplicates: 4 }],
      leaned_on_by: [],
    })
    expect((await json(['batches', 'show', '1'])).leaned_on_by).toEqual([{ id: 2, duplicates: 4 }])
    const { stdout } = await ea(['batches', 'show', '2'])
    expect(stdout).toMatch(/^ {2}owned by +batch 1 \(4\)$/m)
    expect(stdout).toMatch(/^reading\.fields +event_id=event_id, /m)
    expect((await ea(['batches', 'show', '3'])).stdout).toMatch(/^status +failed: rejects_over_budget; nothing/m)
  }))

test('show says how far an import is that was interrupted', () =>
  withBench(async ({ ea, sql }) => {
    await sql("INSERT INTO import_batches (source, file, reading, chunk_bytes) VALUES ('file', 'gone.csv', '{}', 1)")
    expect((await ea(['batches', 'show', '1'])).stdout).toMatch(/^status +interrupted, 0 records merged: /m)
  }))

test('rejects: place, code, detail and text, in every format and to a file', () =>
  withBench(async (bench) => {
    await importThree(bench)
    const { ea, json, path } = bench
    const bad = { record: 11, line: 12, code: 'invalid_event_id', text: 'no-uuid,2025-01-01,"a ""b"" c",view,' }
    const short = { record: 12, line: 13, code: 'field_count', detail: '1 field instead of 5', text: 'short' }
    const all = await json(['batches', 'rejects', '2'])
    expect(all).toMatchObject({ code: 0, metric: 'rejects', data: [bad, short], meta: { batch: 2, rejected: 2 } })
    expect((await json(['batches', 'rejects', '2', '--limit', '1'])).data).toHaveLength(1)
    expect((await json(['batches', 'rejects', '1'])).data).toEqual([])
    const lines = (await ea(['batches', 'rejects', '2', '--format', 'ndjson'])).stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(all.data)
    await ea(['batches', 'rejects', '2', '--format', 'csv', '--output', path('out.csv')])
    expect(await readFile(path('out.csv'), 'utf8')).toBe(
      [
        'record,line,byte_offset,code,detail,text',
        `11,12,${all.data[0].byte_offset},invalid_event_id,,"no-uuid,2025-01-01,""a """"b"""" c"",view,"`,
        `12,13,${all.data[1].byte_offset},field_count,1 field instead of 5,short`,
        '',
      ].join('\r\n'),
    )
    const table = await ea(['batches', 'rejects', '2', '--limit', '1'])
    expect(table.stdout).toContain('invalid_event_id')
    expect(table.stderr).toContain('There are more')
  }))

test('many rejects are written page by page, each once and in order', () =>
  withBench(async ({ ea, json, path }) => {
    await writeFile(path('bad.csv'), `${csvOf(0, 1)}${'short\n'.repeat(2345)}`)
    await ea(['import', path('bad.csv'), '--max-rejects', '100%'])
    const { data } = await json(['batches', 'rejects', '1'])
    const records = Array.from({ length: 2345 }, (_, index) => index + 2)
    expect(data.map(({ record }: { record: number }) => record)).toEqual(records)
    const csv = (await ea(['batches', 'rejects', '1', '--format', 'csv'])).stdout.trimEnd().split('\r\n')
    expect(csv.slice(1).map((line) => Number(line.split(',')[0]))).toEqual(records)
    expect((await ea(['batches', 'rejects', '1'])).stdout.trimEnd().split('\n')).toHaveLength(101)
  }))

test('undo: the events go, who leaned on them is stale, and its file stores what is missing', () =>
  withBench(async (bench) => {
    await importThree(bench)
    const { ea, json, path, events } = bench
    const preview = await ea(['batches', 'undo', '1', '--dry-run'])
    expect(preview.stdout).toContain('10 events would be removed; nothing is changed.')
    expect(preview.stdout).toContain('Batch 2 ')
    expect(await events()).toBe(16)
    const undone = await ea(['batches', 'undo', '1'])
    expect(undone.code).toBe(0)
    expect(undone.stdout).toBe(
      `Batch 1 (${path('first.csv')}): 10 events removed.\n` +
        `Batch 2 (${path('second.csv')}) found 4 of them as its duplicates and is now stale: store what is missing with: ea import ${path('second.csv')} --max-rejects 2\n` +
        'To import it again: ea import --again 1\n',
    )
    expect(await events()).toBe(6)
    expect((await json(['stats', 'top-events'])).data).toMatchObject([{ event_type: 'view', events: 6 }])
    expect((await ea(['batches', 'show', '2'])).stdout).toMatch(/^status +completed, stale: /m)
    const again = await json(['import', path('second.csv'), '--max-rejects', '2'])
    expect(again.batches).toMatchObject([{ status: 'completed', read: 12, inserted: 4, duplicates: 6, rejected: 2 }])
    expect((await json(['import', path('second.csv')])).batches).toMatchObject([{ status: 'already_imported' }])
    expect((await json(['import', path('first.csv')])).batches).toMatchObject([{ inserted: 6, duplicates: 4 }])
    expect(await events()).toBe(16)
  }))

test.each([
  ['a number that no batch has', ['show', '99'], 'batch_not_found'],
  ['rejects of no batch', ['rejects', '99', '--format', 'csv'], 'batch_not_found'],
  ['a table of rejects of no batch', ['rejects', '99'], 'batch_not_found'],
  ['undo of no batch', ['undo', '99'], 'batch_not_found'],
  ['a preview of no batch', ['undo', '99', '--dry-run'], 'batch_not_found'],
  ['something that is no number', ['show', 'first.csv'], 'usage'],
  ['a number that is too large', ['show', '99999999999999999999'], 'usage'],
  ['no number', ['undo'], 'usage'],
  ['a status that is none', ['list', '--status', 'done'], 'usage'],
])('%s: exit 2 with and without --json', (_, args, code) =>
  withBench(async ({ ea, json }) => {
    const text = await ea(['batches', ...args])
    expect(text).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(new RegExp(`^error ${code}: `)) })
    const words = args.includes('csv') ? args.slice(0, -2) : args
    expect(await json(['batches', ...words])).toMatchObject({ code: 2, error: { code } })
  }),
)

test('what is undone or failed cannot be undone', () =>
  withBench(async (bench) => {
    await importThree(bench)
    await bench.ea(['batches', 'undo', '2'])
    for (const id of ['2', '3']) {
      expect(await bench.json(['batches', 'undo', id])).toMatchObject({
        code: 2,
        error: { code: 'batch_not_undoable' },
      })
    }
  }))
