/** Several files of one command: each has its outcome, a dry run sees what they share, and what is left out is said. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { undoBatch } from '../../src/lib/batches/undo.js'
import { importFiles } from '../../src/lib/import/import.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { empty } from './import-helpers.js'

const database = sharedDatabase()

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const csv = (...ids: readonly number[]) =>
  ['event_id,occurred_at,user_id,event_type', ...ids.map((n) => `${id(n)},2025-01-01,u${n},x`), ''].join('\n')

/** Imports a folder of these files. */
async function importFolder(files: Readonly<Record<string, string | Buffer>>, options: ImportOptions = {}) {
  return withScratchFolder(async (folder) => {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true })
      await writeFile(join(folder, name), content)
    }
    return importFiles(database(), [folder], options)
  })
}

test('a dry run gives the counts of the import, over all files', async () => {
  await empty(database())
  const bad = `${csv(6)}bad,2025-01-01,u,x\n`
  const files = { 'a.csv': csv(1, 2), 'b.csv': csv(2, 3), 'c.csv': csv(1, 2), 'd.csv': bad, 'e.csv': csv(6, 3) }
  const counts = ({ files: outcomes }: Awaited<ReturnType<typeof importFolder>>) =>
    outcomes.map(({ read, inserted, duplicates, error }) => (error ? error.code : [read, inserted, duplicates]))
  const dry = await importFolder(files, { dryRun: true })
  expect(counts(dry)).toEqual([[2, 2, 0], [2, 1, 1], [0, 0, 0], 'rejects_over_budget', [2, 1, 1]])
  expect(dry.files[2]).toMatchObject({ status: 'already_imported', id: null, sameAs: dry.files[0]!.file })
  expect(counts(await importFolder(files))).toEqual(counts(dry))
})

test.each([true, false])('one that cannot be read does not stop the others (dry run: %s)', async (dryRun) => {
  await empty(database())
  const files = { 'a.csv': csv(1), 'b.csv': Buffer.from([0xff, 0xfe, 0x41]), 'c.csv': 'x,y\n1,2\n', 'd.csv': csv(2) }
  const { files: outcomes, totals } = await importFolder(files, { dryRun })
  expect(outcomes.map(({ id: batch, error }) => [batch === null, error?.code])).toEqual([
    [dryRun, undefined],
    [true, 'encoding_error'],
    [true, 'missing_column'],
    [dryRun, undefined],
  ])
  expect(totals).toMatchObject({ files: 4, read: 2, inserted: 2 })
})

test('what a folder leaves out is named, and names with line breaks are found', async () => {
  await empty(database())
  const odd = ['a\nb.csv', 'c\u2028d.csv']
  const others = ['.hidden.csv', 'b.csv.1', 'sub/app.log', 'sub/x.tab']
  const all = [...odd, ...others]
  const { files, leftOut } = await importFolder(Object.fromEntries(all.map((name, n) => [name, csv(n)])))
  expect(files.map(({ file }) => file.split('/').pop())).toEqual(odd)
  expect(leftOut.map((one) => one.files)).toEqual([others])
})

test('files of other names are read by their content when a pattern matches them', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const names = ['a.tab', 'b.log', 'c.csv.1', 'd.gz', 'e\nf.csv']
    for (const [n, name] of names.entries()) {
      const content = name === 'a.tab' ? csv(n).replaceAll(',', '\t') : csv(n)
      await writeFile(join(folder, name), name === 'd.gz' ? gzipSync(content) : content)
    }
    const { files } = await importFiles(database(), [join(folder, '*')])
    expect(files.map(({ file, inserted }) => [file.slice(folder.length + 1), inserted])).toEqual(
      names.map((name) => [name, 1]),
    )
  })
})

test('nothing read is a warning; a compressed file without a byte is an error', async () => {
  await empty(database())
  const { files } = await importFolder({ 'a.csv.gz': gzipSync(''), 'b.csv': csv(), 'c.csv': '', 'd.csv.gz': '' })
  expect(files.map(({ warnings, error }) => error?.code ?? warnings)).toEqual([
    [expect.stringMatching(/^Nothing was read: .* is empty\.$/)],
    [expect.stringMatching(/^Nothing was read: .* has no records\.$/)],
    [],
    'file_corrupt',
  ])
})

test('when all records fail for one reason, the message is about it, and proposes nothing that cannot work', async () => {
  await empty(database())
  const all = await importFolder({ 'a.csv': csv(1, 2, 3).replaceAll('00000000-', 'order-') })
  expect(all.files[0]!.error!.message).toContain('All for one reason: invalid_event_id')
  expect(all.files[0]!.error!.suggestions.join()).toContain('--id-from')
  expect(all.files[0]!.error!.suggestions.join()).not.toContain('--max-rejects')
  const some = await importFolder({ 'a.csv': `${csv(1, 2)}bad,2025-01-01,u,x\n` })
  expect(some.files[0]!.error!.suggestions.join()).toContain('--max-rejects 1')
})

test('no column is proposed for two fields', async () => {
  const error = await errorOf(() => importFolder({ 'a.csv': 'event,date,person\n1,2,3\n' }))
  expect(error.suggestions[0]).toBe('Perhaps: --map occurred_at=date,event_type=event')
})

test('ids that are no UUIDs are not proposed as such, and the file of rejects is called by the format', async () => {
  await empty(database())
  const orders = 'order_id,id,ts,user_id,event_type\nA-1,7,2025-01-01,u,x\nA-2,8,2025-01-02,u,x\n'
  const error = await errorOf(() => importFolder({ 'a.csv': orders }))
  expect(error.suggestions).toEqual([
    'Perhaps: --map occurred_at=ts --id-from id',
    expect.stringMatching(
      /^Tried on its first records, this works: `ea import .*a\.csv --map occurred_at=ts --id-from id`$/,
    ),
  ])
  const given = { map: parseMap('occurred_at=ts'), idFrom: parseIdFrom('id') }
  expect((await importFolder({ 'a.csv': orders }, given)).totals.inserted).toBe(2)
  const json = (n: number) => JSON.stringify({ event_id: id(n), occurred_at: 0, user_id: 'u', event_type: 'x' })
  const lines = `${json(5).replace(':0', ':1700000000')}\n${json(6)}\n`
  for (const [name, content, file] of [
    ['a.ndjson', lines, 'rejects.ndjson'],
    ['a.json', `[${lines.trim().replace('\n', ',')}]`, 'rejects.json'],
    ['a.tsv', `${csv(8)}bad,2025-01-01,u,x\n`.replaceAll(',', '\t'), 'rejects.tsv'],
  ] as const) {
    const { files } = await importFolder({ [name]: content })
    expect(files[0]!.error!.suggestions.join()).toContain(`--max-rejects 1 --rejects-file ${file}`)
  }
})

test('of several files, the one with rejects is proposed to be imported by itself', async () => {
  await empty(database())
  const { files } = await importFolder({ 'a.csv': csv(1), 'b c.csv': `${csv(2)}bad,2025-01-01,u,x\n` })
  const [good, bad] = files
  expect(good!.error).toBeUndefined()
  expect(bad!.error!.suggestions[1]).toMatch(
    /^Import the others of this file by themselves, .*: ea import '[^']*b c\.csv' --max-rejects 1 --rejects-file rejects\.csv$/,
  )
})

test('content that is known, read another way, is a warning that says in what and how to do it over', async () => {
  await empty(database())
  const content = 'event_id,occurred_at,user_id,other,event_type\n'.concat(`${id(1)},2025-01-01 00:30:00,u1,o1,x\n`)
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'events.csv')
    await writeFile(path, content)
    const first = (await importFiles(database(), [path])).files[0]!
    const again = async (options: ImportOptions) => (await importFiles(database(), [path], options)).files[0]!
    expect(await again({})).toMatchObject({ status: 'already_imported', id: first.id, warnings: [] })
    const map = { user_id: [{ name: 'other', path: ['other'] }] }
    const other = await again({ timezone: 'Europe/Kyiv', map })
    expect(other).toMatchObject({ status: 'already_imported', id: first.id, read: 0 })
    expect(other.warnings).toEqual([
      expect.stringMatching(
        /^This content is imported as batch \d+, which was read another way: the mapping of user_id; timezone UTC, now Europe\/Kyiv\. To import it as it is read now: `ea import --again \d+ --map user_id=other --timezone Europe\/Kyiv`\.$/,
      ),
    ])
    // What the advice says works.
    await undoBatch(database(), first.id!)
    expect(await again({ timezone: 'Europe/Kyiv', map })).toMatchObject({
      status: 'completed',
      inserted: 1,
      warnings: [],
    })
  })
})
