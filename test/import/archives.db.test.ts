/** Archives are imported as the folder of their files would be: the same events, the same batches, each content once. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listBatches } from '../../src/lib/batches/batches.js'
import { importAgain } from '../../src/lib/import/again.js'
import { importFiles } from '../../src/lib/import/import.js'
import { inspectFile } from '../../src/lib/import/inspect.js'
import type { ImportOutcome } from '../../src/lib/import/options.js'
import { assertProperty } from '../support/effort.js'
import { type Files, tarOf, withDirectory, zipField, zipOf } from '../support/import/archives.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { empty, storedEvents } from './import-helpers.js'

const database = sharedDatabase()

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const csv = (...ids: readonly number[]) =>
  ['event_id,occurred_at,user_id,event_type', ...ids.map((n) => `${id(n)},2025-01-01,u${n},x`), ''].join('\n')

async function put(folder: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}

/** Small trees of files with ids that repeat; some are compressed, some are no data. */
const trees = fc
  .dictionary(
    fc
      .tuple(
        fc.array(fc.constantFrom('a', 'b', 'é', '日', '.h', '__MACOSX'), { maxLength: 2 }),
        fc.constantFrom('x.csv', 'y.CSV', 'z.csv.gz', 'n.ndjson', 'note.txt', '.csv'),
      )
      .map(([folders, name]) => [...folders, name].join('/')),
    fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
    { maxKeys: 6 },
  )
  .map((tree) =>
    Object.fromEntries(
      Object.entries(tree).map(([name, ids]): [string, string | Buffer] => {
        if (!name.endsWith('.ndjson')) return [name, name.endsWith('.gz') ? gzipSync(csv(...ids)) : csv(...ids)]
        return [
          name,
          ids
            .map((n) => `{"event_id":"${id(n)}","occurred_at":"2025-01-01","user_id":"n","event_type":"y"}\n`)
            .join(''),
        ]
      }),
    ),
  )

test('any tree of files is imported from an archive as from a folder', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(trees, fc.boolean(), async (tree, isTar) => {
      // The Finder's own folder is an ordinary one on a disk.
      const files = Object.fromEntries(Object.entries(tree).filter(([name]) => !name.includes('__MACOSX')))
      await withScratchFolder(async (folder) => {
        await mkdir(join(folder, 'd'))
        await put(join(folder, 'd'), files)
        const archive = join(folder, isTar ? 'x.tgz' : 'x.zip')
        await writeFile(archive, isTar ? gzipSync(tarOf(tree)) : await zipOf(tree))
        const outcome = async (path: string) => {
          await empty(database())
          const done = await importFiles(database(), [path]).catch((error: { code: string }) => error.code)
          if (typeof done === 'string') return { done, events: [] }
          const files = done.files.map(({ file, sha256, status, read, inserted, duplicates }) => ({
            file: file.slice(path.length),
            ...{ sha256, status, read, inserted, duplicates },
          }))
          return { done: files, events: await storedEvents(database()) }
        }
        expect(await outcome(archive)).toEqual(await outcome(join(folder, 'd')))
      })
    }),
    60,
  )
})

const statuses = ({ files }: ImportOutcome) => files.map(({ status }) => status)

test('the same content is one batch, in whatever it comes', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const files = { 'a.csv': csv(1, 2), 'sub/b.csv.gz': gzipSync(csv(3)) }
    await put(join(folder, 'd'), files)
    const zip = join(folder, 'x.zip')
    const tgz = join(folder, 'x.tgz')
    await writeFile(zip, await zipOf(files))
    await writeFile(tgz, gzipSync(tarOf(files)))
    expect(statuses(await importFiles(database(), [zip], { dryRun: true }))).toEqual(['dry_run', 'dry_run'])
    expect(statuses(await importFiles(database(), [zip]))).toEqual(['completed', 'completed'])
    for (const path of [zip, tgz, join(folder, 'd'), `${tgz}/sub`]) {
      expect(new Set(statuses(await importFiles(database(), [path])))).toEqual(new Set(['already_imported']))
    }
    const batches = await listBatches(database())
    expect(batches.map(({ file }) => file).sort()).toEqual([`${zip}/a.csv`, `${zip}/sub/b.csv.gz`])
    const first = batches.find(({ file }) => file.endsWith('a.csv'))!

    const again = await importAgain(database(), first.id, [])
    expect(again.files[0]).toMatchObject({ file: `${zip}/a.csv`, status: 'completed', inserted: 2 })
    const several = await errorOf(() => importAgain(database(), again.files[0]!.id!, [tgz]))
    expect(several).toMatchObject({ code: 'usage', message: expect.stringContaining('x.tgz has 2') })
    const moved = await importAgain(database(), again.files[0]!.id!, [`${tgz}/a.csv`])
    expect(moved.files[0]).toMatchObject({ file: `${tgz}/a.csv`, status: 'completed', inserted: 2 })
  })
})

test('a file that is damaged or encrypted stores nothing and does not stop the others', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const zip = await zipOf({ 'a.csv': csv(1), 'b.csv': csv(2), 'c.csv': csv(3), 'd.csv': csv(4) })
    const path = join(folder, 'x.zip')
    await writeFile(
      path,
      withDirectory(zip, (header, index) => {
        if (index === 1) header.writeUInt32LE(7, zipField.crc)
        if (index === 2) header.writeUInt16LE(1, zipField.flags)
      }),
    )
    const { files } = await importFiles(database(), [path])
    expect(files.map(({ error, inserted }) => error?.code ?? inserted)).toEqual([
      1,
      'file_corrupt',
      'archive_encrypted',
      1,
    ])
    expect((await storedEvents(database())).map(({ event_id }) => event_id)).toEqual([id(1), id(4)])
  })
})

test('one archive that cannot be read does not stop the others', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    await writeFile(join(folder, 'a.zip'), (await zipOf({ 'a.csv': csv(1) })).subarray(0, 90))
    await writeFile(join(folder, 'b.tgz'), gzipSync(tarOf({ 'b.csv': csv(2) })))
    const { files } = await importFiles(database(), [join(folder, 'a.zip'), join(folder, 'b.tgz')])
    expect(files.map(({ error, inserted }) => error?.code ?? inserted)).toEqual(['file_corrupt', 1])
  })
})

test('the first file is inspected, and the command that is proposed imports all', async () => {
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.zip')
    const other = csv(1).replace('event_id', 'uuid')
    await writeFile(path, await zipOf({ 'b.csv': other, 'a.csv': other }))
    const found = await inspectFile(database(), path)
    expect(found).toMatchObject({ file: `${path}/a.csv`, given: path, kind: 'file', diskBytes: other.length })
    expect(found.warnings[0]).toContain('first of 2 files')
    expect((await inspectFile(database(), `${path}/b.csv`)).warnings).toEqual([])
  })
})

test('the rejects of a file do not overwrite its archive', async () => {
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.zip')
    await writeFile(path, await zipOf({ 'a.csv': csv(1) }))
    const before = await readFile(path)
    const error = await errorOf(() => importFiles(database(), [path], { rejectsFile: path }))
    expect(error.code).toBe('usage')
    expect((await readFile(path)).equals(before)).toBe(true)
  })
})
