/** The rejects file holds all rejects of an import, however it ends, in the order of the source; and never half a record. */
import { randomUUID } from 'node:crypto'
import { link, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importFiles } from '../../src/lib/import/import.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { empty, importPath } from './import-helpers.js'

const database = sharedDatabase()

const header = 'event_id,occurred_at,user_id,event_type,note'
const good = (note = '') => `${randomUUID()},2025-01-01,u,x,${note}`
const bad = (n: number) => (n % 3 === 0 ? `too,few,${n}` : `bad-${n},2025-01-01,u,x,`)

/** Imports lines with a rejects file, and reads that. */
async function importLines(lines: readonly string[], options: ImportOptions) {
  return withScratchFolder(async (folder) => {
    await empty(database())
    const [path, rejectsFile] = [join(folder, 'events.csv'), join(folder, 'rejects.csv')]
    await writeFile(path, `${[header, ...lines].join('\n')}\n`)
    const { outcome } = await importPath(database(), path, { ...options, rejectsFile })
    return { outcome, written: (await readFile(rejectsFile, 'utf8')).split('\n').slice(0, -1) }
  })
}

test.each<ImportOptions>([{ jobs: 4 }, { atomic: true }])(
  'of a failed import holds all rejects: %o',
  async (options) => {
    const lines = Array.from({ length: 6_000 }, (_, n) => (n % 2 === 0 ? good() : bad(n)))
    const rejected = lines.filter((_, n) => n % 2 === 1)
    const { outcome, written } = await importLines(lines, {
      ...options,
      maxRejects: { records: 10 },
      chunkBytes: 10_000,
    })
    expect(outcome).toMatchObject({ status: 'failed', rejected: 3_000, rejectsFile: { records: 3_000, leftOut: 0 } })
    expect(written).toEqual([header, ...rejected])
  },
)

test.each([true, false])(
  'of an import that went on where it was interrupted, too (within its budget: %s)',
  async (fits) => {
    await withScratchFolder(async (folder) => {
      await empty(database())
      const [path, rejectsFile] = [join(folder, 'events.csv'), join(folder, 'rejects.csv')]
      const lines = Array.from({ length: 900 }, (_, n) => (n % 2 === 0 ? good() : bad(n)))
      await writeFile(path, `${[header, ...lines].join('\n')}\n`)
      const stop = new AbortController()
      const options: ImportOptions = {
        maxRejects: { records: fits ? 900 : 300 },
        chunkBytes: 4_000,
        jobs: 1,
        rejectsFile,
      }
      const onEvent: ImportOptions['onEvent'] = (event) => {
        if (event.type === 'progress' && event.phase === 'loading' && event.records > 300) stop.abort()
      }
      await errorOf(() => importFiles(database(), [path], { ...options, onEvent, signal: stop.signal }))
      await expect(readFile(rejectsFile)).rejects.toThrow('ENOENT')
      const { outcome } = await importPath(database(), path, options)
      expect(outcome).toMatchObject({ status: fits ? 'completed' : 'failed', read: 900, rejected: 450 })
      const written = (await readFile(rejectsFile, 'utf8')).split('\n').slice(0, -1)
      expect(written).toEqual([header, ...lines.filter((_, n) => n % 2 === 1)])
    })
  },
)

test.each<ImportOptions>([{}, { chunkBytes: 1 }])(
  'does not hold a record that was cut, and says where it is: %o',
  async (options) => {
    // Its first 100 bytes are a whole record, too.
    const long = good('z'.repeat(200))
    const { outcome, written } = await importLines([good(), long, bad(1)], { ...options, maxRecordBytes: 100 })
    expect(written).toEqual([header, bad(1)])
    expect(outcome.rejectsFile).toMatchObject({
      records: 1,
      leftOut: 1,
      firstLeftOut: [
        { record: 2, line: 3, byteOffset: header.length + 1 + good().length + 1, code: 'record_too_long' },
      ],
    })
  },
)

test('of lines that end with CR has such lines, so that it can be imported again', async () => {
  await withScratchFolder(async (folder) => {
    await empty(database())
    const [path, rejectsFile] = [join(folder, 'events.csv'), join(folder, 'rejects.csv')]
    await writeFile(path, [header, good(), bad(3), good(), bad(1), ''].join('\r'))
    await importPath(database(), path, { rejectsFile })
    expect(await readFile(rejectsFile, 'utf8')).toBe([header, bad(3), bad(1), ''].join('\r'))
    expect((await importPath(database(), rejectsFile)).outcome).toMatchObject({ read: 2, rejected: 2 })
  })
})

test('a stray CR in a field costs its whole record, and comes back as it was', async () => {
  const { outcome, written } = await importLines([good('ab\rcd'), good(), good('"ab\rcd"')], {})
  expect(outcome).toMatchObject({ read: 3, inserted: 2, rejected: 1, reasons: [{ code: 'unquoted_cr' }] })
  expect(written[1]).toMatch(/,ab\rcd$/)
})

test.each(['self', 'dot', 'link', 'symlink'])('is never the source, whatever it is called: %s', async (kind) => {
  await withScratchFolder(async (folder) => {
    await empty(database())
    const path = join(folder, 'self.csv')
    const content = `${header}\n${good()}\n${bad(1)}\n`
    await writeFile(path, content)
    const other = join(folder, 'other.csv')
    if (kind === 'link') await link(path, other)
    if (kind === 'symlink') await symlink(path, other)
    const rejectsFile = { self: path, dot: `${folder}/./self.csv`, link: other, symlink: other }[kind]!
    for (const source of [path, join(folder, 'se*.csv')]) {
      const error = await errorOf(() =>
        importFiles(database(), [source], { rejectsFile, maxRejects: { percent: 100 } }),
      )
      expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('is the file that is read') })
    }
    expect(await readFile(path, 'utf8')).toBe(content)
  })
})
