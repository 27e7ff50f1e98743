/** Files inside of archives are read as they are, and an archive that is damaged or made to do harm is an error that says where. */
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { keepingArchives } from '../../../src/lib/import/source/archive/archive.js'
import { expandPaths, findSources } from '../../../src/lib/import/source/find-sources.js'
import { hashFile, openSource, withSource } from '../../../src/lib/import/source/source.js'
import {
  type Files,
  replaced,
  tarOf,
  withDirectory,
  type ZipOptions,
  zipField,
  zipOf,
} from '../../support/import/archives.js'
import { errorOf, withScratchFolder } from '../../support/temp-dir.js'

const brotli = (content: string | Buffer) =>
  brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })

async function textOf(path: string): Promise<string> {
  return withSource(path, {}, async (source) => {
    const all: Buffer[] = []
    for await (const block of source.stream()) all.push(block)
    expect(source.sha256()).toEqual((await hashFile(path)).sha256)
    return Buffer.concat(all).toString()
  })
}

/** All files of an archive as they are read, by their names in it. */
async function contents(archive: Buffer, name: string): Promise<Record<string, string>> {
  return withScratchFolder(async (folder) => {
    const path = join(folder, name)
    await writeFile(path, archive)
    return keepingArchives(async () => {
      const read: Record<string, string> = {}
      for (const one of await expandPaths([path])) read[one.slice(path.length + 1)] = await textOf(one)
      return read
    })
  })
}

/** The error of whoever reads all of an archive. */
const failure = (archive: Buffer, name = 'x.zip') => errorOf(() => contents(archive, name))

const long = Array.from({ length: 20_000 }, (_, line) => `${line},ä,${line * 7919}\n`).join('')
const files = { 'a.csv': 'a,b\n1,2\n', '2024/01/ä – 日.ndjson': '{"a":1}\n', 'b.tsv': long, 'empty.csv': '' }

describe('what is in an archive is read as it is', () => {
  const zips: [string, ZipOptions][] = [
    ['deflate', {}],
    ['stored', { isStored: true }],
    ['zip64', { isZip64: true }],
    ['sizes after the data', { isStreamed: true }],
    ['zip64, sizes after the data', { isStreamed: true, isZip64: true }],
  ]
  test.each(zips)('zip: %s', async (_, options) => {
    expect(await contents(await zipOf({ ...files, 'folder/': '' }, options), 'x.zip')).toEqual(files)
  })

  test.each(['x.tar', 'x.data'])('tar, whatever it is called: %s', async (name) => {
    expect(await contents(tarOf(files), name)).toEqual(files)
  })

  test('a compressed tar: gzip, brotli, and padded with zeros', async () => {
    expect(await contents(gzipSync(tarOf(files)), 'x.tgz')).toEqual(files)
    expect(await contents(brotli(tarOf(files)), 'x.tar.br')).toEqual(files)
    expect(await contents(gzipSync(Buffer.concat([tarOf(files), Buffer.alloc(9_216)])), 'x')).toEqual(files)
  })

  test('tars one behind the other are one', async () => {
    const both = Buffer.concat([tarOf({ 'a.csv': 'a' }), tarOf({ 'b.csv': 'b' })])
    expect(await contents(both, 'x.tar')).toEqual({ 'a.csv': 'a', 'b.csv': 'b' })
  })

  test.each(['ustar', 'pax', 'gnu', 'v7'])('tar as other programs write it: %s', async (format) => {
    await withScratchFolder(async (folder) => {
      const deep = format === 'pax' || format === 'gnu' ? `${'long name '.repeat(9)}/${'ü'.repeat(60)}` : 'plain'
      await mkdir(join(folder, 'd', deep), { recursive: true })
      await writeFile(join(folder, 'd', deep, 'a.csv'), 'x')
      await writeFile(join(folder, 'd/b.csv'), long)
      execFileSync('tar', ['-C', join(folder, 'd'), `--format=${format}`, '-cf', join(folder, 'x.tar'), '.'])
      const path = join(folder, 'x.tar')
      expect(await expandPaths([path])).toEqual([`${path}/b.csv`, `${path}/${deep}/a.csv`])
      expect(await textOf(`${path}/${deep}/a.csv`)).toBe('x')
      expect(await textOf(`${path}/b.csv`)).toBe(long)
    })
  })

  test('names of code page 437, and with the separator of Windows', async () => {
    const withoutFlag = async (name: string) =>
      withDirectory(await zipOf({ [name]: 'x' }), (header) => {
        header.writeUInt16LE(header.readUInt16LE(zipField.flags) & ~0x800, zipField.flags)
      })
    const cp437 = replaced(await withoutFlag('dir_.csv'), 'dir_', 'dir\x82')
    expect(Object.keys(await contents(cp437, 'x.zip'))).toEqual(['diré.csv'])
    expect(Object.keys(await contents(await withoutFlag('日.csv'), 'x.zip'))).toEqual(['日.csv'])
    expect(
      Object.keys(await contents(replaced(await zipOf({ 'a/b.csv': 'x' }), 'a/b.csv', 'a\\b.csv'), 'x.zip')),
    ).toEqual(['a/b.csv'])
  })

  test('a file in it has its own compression', async () => {
    const read = await contents(await zipOf({ 'a.csv.gz': gzipSync('gz'), 'b.csv.br': brotli('br') }), 'x.zip')
    expect(read).toEqual({ 'a.csv.gz': 'gz', 'b.csv.br': 'br' })
  })

  test('many files of one archive at once, more than once', async () => {
    const many: Files = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`${n}.csv`, `${n}\n`.repeat(n + 1)]))
    await withScratchFolder(async (folder) => {
      for (const [name, archive] of [
        ['x.tgz', gzipSync(tarOf(many))],
        ['x.zip', await zipOf(many)],
      ] as const) {
        await writeFile(join(folder, name), archive)
        const read = () =>
          Promise.all(Object.keys(many).map(async (one) => [one, await textOf(`${join(folder, name)}/${one}`)]))
        expect(Object.fromEntries(await read())).toEqual(many)
        expect(Object.fromEntries(await keepingArchives(read))).toEqual(many)
      }
    })
  })

  test('nothing is left on the disk, and no file open', async () => {
    const before = (await readdir('/proc/self/fd')).length
    await withScratchFolder(async (folder) => {
      process.env.TMPDIR = folder
      try {
        const path = join(folder, 'x.tgz')
        await writeFile(path, gzipSync(tarOf(files)))
        await keepingArchives(async () => {
          expect(await textOf(`${path}/a.csv`)).toBe(files['a.csv'])
          expect(await readdir(folder)).toEqual(['x.tgz'])
        })
      } finally {
        delete process.env.TMPDIR
      }
    })
    expect((await readdir('/proc/self/fd')).length).toBeLessThanOrEqual(before)
  })
})

describe('which files are taken', () => {
  const all = {
    'a.csv': '1',
    'sub/b.ndjson.gz': gzipSync('2'),
    'sub/notes.txt': 'x',
    '.DS_Store': 'x',
    '__MACOSX/._a.csv': 'x',
    '__MACOSX/a.csv': 'x',
    '.git/x.csv': 'x',
    '.git/y.csv': 'x',
    'inner.zip': 'x',
  }
  const leftOut = ['.DS_Store', '.git/', '__MACOSX/', 'inner.zip', 'sub/notes.txt']

  test('those of a folder would be; the others are left out', async () => {
    await withScratchFolder(async (folder) => {
      for (const [name, archive] of [
        ['x.zip', await zipOf(all)],
        ['y.tgz', gzipSync(tarOf(all))],
      ] as const) {
        const path = join(folder, name)
        await writeFile(path, archive)
        expect(await findSources([path])).toEqual({
          sources: [`${path}/a.csv`, `${path}/sub/b.ndjson.gz`],
          leftOut: [{ folder: path, files: leftOut }],
        })
        // Named, a folder in it is searched and a file is taken whatever it is called.
        expect(await expandPaths([`${path}/sub`])).toEqual([`${path}/sub/b.ndjson.gz`])
        expect(await expandPaths([`${path}/sub/`])).toEqual([`${path}/sub/b.ndjson.gz`])
        expect(await expandPaths([`${path}/sub/notes.txt`, path])).toEqual([
          `${path}/sub/notes.txt`,
          `${path}/a.csv`,
          `${path}/sub/b.ndjson.gz`,
        ])
      }
    })
  })

  test('archives in a folder are folders; one without data is left out', async () => {
    await withScratchFolder(async (folder) => {
      await mkdir(join(folder, 'd'))
      const put = (name: string, content: string | Buffer) => writeFile(join(folder, 'd', name), content)
      await put('a.csv', '1')
      await put('b.zip', await zipOf({ 'x.csv': '1' }))
      await put('c.tar.gz', gzipSync(tarOf({ 'y.csv': '1' })))
      await put('photos.zip', await zipOf({ 'p.jpg': '1' }))
      await put('web.zip', '<html>')
      const path = join(folder, 'd')
      expect(await findSources([path])).toEqual({
        sources: ['a.csv', 'b.zip/x.csv', 'c.tar.gz/y.csv', 'web.zip'].map((name) => join(path, name)),
        leftOut: [{ folder: path, files: ['photos.zip'] }],
      })
      expect(await expandPaths([join(path, '[bc]*')])).toEqual([
        join(path, 'b.zip/x.csv'),
        join(path, 'c.tar.gz/y.csv'),
      ])
    })
  })

  test('links and devices are left out', async () => {
    const tar = tarOf([
      { name: 'a.csv', content: '1' },
      { name: 'b.csv', type: '1' },
      { name: 'c.csv', type: '2' },
      { name: 'd.csv', type: '3' },
      { name: 'e', type: '5' },
    ])
    const zip = withDirectory(await zipOf({ 'a.csv': '1', 'b.csv': '/etc/passwd' }), (header, index) => {
      if (index === 1) header.writeUInt32LE(0xa1ff0000, zipField.attributes)
    })
    await withScratchFolder(async (folder) => {
      await writeFile(join(folder, 'x.tar'), tar)
      await writeFile(join(folder, 'x.zip'), zip)
      expect((await findSources([join(folder, 'x.tar')])).leftOut[0]!.files).toEqual(['b.csv', 'c.csv', 'd.csv'])
      expect((await findSources([join(folder, 'x.zip')])).leftOut[0]!.files).toEqual(['b.csv'])
      await symlink(join(folder, 'x.zip'), join(folder, 'link'))
      expect(await expandPaths([join(folder, 'link')])).toEqual([join(folder, 'link/a.csv')])
    })
  })

  test('nothing to take is an error that names what there is', async () => {
    expect(await failure(await zipOf({}))).toMatchObject({ code: 'no_input_files', message: /has no files/ })
    expect(await failure(await zipOf({ 'p.jpg': '' }))).toMatchObject({
      code: 'no_input_files',
      suggestions: [expect.stringContaining('x.zip/p.jpg')],
    })
    await withScratchFolder(async (folder) => {
      await writeFile(join(folder, 'x.zip'), await zipOf({ 'a.csv': '1' }))
      for (const find of [expandPaths, (paths: string[]) => openSource(paths[0]!)]) {
        const error = await errorOf(() => find([join(folder, 'x.zip/b.csv')]))
        expect(error).toMatchObject({ code: 'file_not_found', message: expect.stringMatching(/x\.zip.*b\.csv/) })
      }
    })
  })
})

describe('what is damaged or made to do harm is an error', () => {
  const good = () => zipOf({ 'a.csv': long, 'b.csv': 'b'.repeat(100) })
  const edit = async (how: Parameters<typeof withDirectory>[1]) => withDirectory(await good(), how)
  const cases: [string, () => Buffer | Promise<Buffer>, string, string, RegExp][] = [
    [
      'cut off',
      async () => (await good()).subarray(0, 5_000),
      'x.zip',
      'file_corrupt',
      /Cut off: .*x\.zip \(the directory/,
    ],
    ['nothing at all', () => Buffer.alloc(0), 'x.zip', 'file_corrupt', /Cut off/],
    ['half of the magic bytes', () => Buffer.from('P'), 'x.zip', 'file_corrupt', /Cut off/],
    [
      'other bytes',
      async () => {
        const zip = await good()
        return Buffer.concat([zip.subarray(0, 2_000), Buffer.alloc(100, 0x55), zip.subarray(2_100)])
      },
      'x.zip',
      'file_corrupt',
      /Damaged: .*x\.zip\/a\.csv/,
    ],
    [
      'another CRC',
      () => edit((one) => one.writeUInt32LE(7, zipField.crc)),
      'x.zip',
      'file_corrupt',
      /a\.csv \(its CRC/,
    ],
    [
      'more than it says',
      () => edit((one) => one.writeUInt32LE(9, zipField.bytes)),
      'x.zip',
      'file_corrupt',
      /it has more/,
    ],
    [
      'less than it says',
      () => edit((one) => one.writeUInt32LE(1e9, zipField.bytes)),
      'x.zip',
      'file_corrupt',
      /it has less/,
    ],
    [
      'more files than it counts',
      async () => {
        const zip = await good()
        const end = zip.length - 22
        zip.writeUInt16LE(1, end + 8)
        zip.writeUInt16LE(1, end + 10)
        return zip
      },
      'x.zip',
      'file_corrupt',
      /more files than it counts/,
    ],
    [
      'a part of several',
      async () => {
        const zip = await good()
        zip.writeUInt16LE(3, zip.length - 22 + 4)
        return zip
      },
      'x.zip',
      'file_corrupt',
      /One part of several/,
    ],
    [
      'encrypted',
      () => edit((one) => one.writeUInt16LE(1, zipField.flags)),
      'x.zip',
      'archive_encrypted',
      /x\.zip\/a\.csv/,
    ],
    ['strongly', () => edit((one) => one.writeUInt16LE(0x41, zipField.flags)), 'x.zip', 'archive_encrypted', /x\.zip/],
    [
      'another compression',
      () => edit((one) => one.writeUInt16LE(9, zipField.method)),
      'x.zip',
      'compression_unsupported',
      /a\.csv .*Deflate64/,
    ],
    [
      'files that share their bytes',
      async () =>
        withDirectory(await zipOf({ 'a.csv': long, 'b.csv': long }), (header, _, all) =>
          header.writeUInt32LE(all[0]!.readUInt32LE(zipField.offset), zipField.offset),
        ),
      'x.zip',
      'archive_unsafe',
      /share bytes: a\.csv and b\.csv/,
    ],
    [
      'a bomb',
      () => edit((one) => one.writeUInt32LE(0xffff_fffe, zipField.bytes)),
      'x.zip',
      'archive_unsafe',
      /more than 1000 times/,
    ],
    [
      'a name that climbs',
      async () => replaced(await good(), 'a.csv', '../ab'),
      'x.zip',
      'archive_unsafe',
      /"\.\.\/ab"/,
    ],
    ['an absolute name', async () => replaced(await good(), 'a.csv', '/.csv'), 'x.zip', 'archive_unsafe', /"\/\.csv"/],
    ['one of Windows', async () => replaced(await good(), 'a.csv', 'C:\\ab'), 'x.zip', 'archive_unsafe', /"C:\/ab"/],
    [
      'a name twice',
      async () => replaced(await good(), 'a.csv', 'b.csv'),
      'x.zip',
      'archive_unsafe',
      /one name: b\.csv/,
    ],
    ['a workbook', () => zipOf({ '[Content_Types].xml': 'x', 'xl/a.csv': 'x' }), 'x.xlsx', 'not_recognised', /Excel/],
    ['a tar that is cut off', () => tarOf({ 'a.csv': long }).subarray(0, 9_000), 'x.tar', 'file_corrupt', /Cut off/],
    ['a tar without an end', () => tarOf({ 'a.csv': '1' }, false), 'x.tar', 'file_corrupt', /Cut off/],
    [
      'a tar.gz that is cut off',
      () => gzipSync(tarOf({ 'a.csv': long })).subarray(0, 9_000),
      'x.tgz',
      'file_corrupt',
      /Cut off/,
    ],
    [
      'a header of tar with another sum',
      () => {
        const tar = tarOf({ 'a.csv': '1', 'b.csv': '2' })
        tar.writeUInt8(0x39, 1024 + 130)
        return tar
      },
      'x.tar',
      'file_corrupt',
      /Damaged: .*x\.tar \(no valid header at byte 1024\)/,
    ],
    ['a tar with a name that climbs', () => tarOf({ 'a/../../b.csv': '1' }), 'x.tar', 'archive_unsafe', /leads out/],
    ['a tar with an absolute name', () => tarOf({ '/b.csv': '1' }), 'x.tar', 'archive_unsafe', /leads out/],
    [
      'a sparse file',
      () => tarOf([{ name: 'a.csv', content: '1', type: 'S' }]),
      'x.tar',
      'compression_unsupported',
      /x\.tar\/a\.csv .*sparse/,
    ],
    ['brotli that is cut off', () => brotli(long).subarray(0, 5_000), 'x.csv.br', 'file_corrupt', /Cut off/],
    ['brotli that is none', () => Buffer.from('event_id,occurred_at\n1,2\n'), 'x.csv.br', 'file_corrupt', /Damaged/],
  ]
  test.each(cases)('%s', async (_, archive, name, code, message) => {
    const error = await failure(await archive(), name)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })

  test('long lines that are all alike are no bomb', async () => {
    const line = `${'x'.repeat(20_000)}\n`
    const zip = await zipOf({ 'a.csv': line.repeat(2_000) })
    expect(zip.length).toBeLessThan(60_000)
    expect((await contents(zip, 'x.zip'))['a.csv']!.length).toBe(2_000 * line.length)
  })
})
