import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { expandPaths } from '../../../src/lib/import/source/find-sources.js'
import { errorOf, withScratchFolder } from '../../support/temp-dir.js'

/** Makes files (a name that ends with / is a folder) and expands arguments relative to their folder. */
async function expanded(files: readonly string[], args: readonly string[]): Promise<string[]> {
  return withScratchFolder(async (folder) => {
    for (const file of files) {
      const path = join(folder, file)
      await mkdir(file.endsWith('/') ? path : join(path, '..'), { recursive: true })
      if (!file.endsWith('/')) await writeFile(path, '')
    }
    const paths = await expandPaths(args.map((arg) => (arg === '-' ? arg : `${folder}/${arg}`)))
    return paths.map((path) => path.replace(`${folder}/`, ''))
  })
}

describe('expandPaths', () => {
  const cases: [what: string, files: string[], args: string[], paths: string[]][] = [
    ['paths stay as given, in their order', ['b.csv', 'a.txt'], ['b.csv', 'a.txt'], ['b.csv', 'a.txt']],
    ['spaces and letters beyond ASCII', ['Übung 1/día.csv'], ['Übung 1/día.csv'], ['Übung 1/día.csv']],
    [
      'a pattern, sorted by bytes',
      ['b.csv', 'a.csv', 'B.csv', 'ä.csv', 'c.txt'],
      ['*.csv'],
      ['B.csv', 'a.csv', 'b.csv', 'ä.csv'],
    ],
    [
      'a pattern in a folder with a space',
      ['my logs/1.csv', 'my logs/2.csv'],
      ['my logs/*.csv'],
      ['my logs/1.csv', 'my logs/2.csv'],
    ],
    [
      'braces and stars over folders',
      ['x/1.csv', 'y/z/2.tsv', 'y/3.txt'],
      ['**/*.{csv,tsv}'],
      ['x/1.csv', 'y/z/2.tsv'],
    ],
    ['a pattern matches files, not folders', ['d.csv/in.csv', 'e.csv'], ['*.csv'], ['e.csv']],
    ['a file that is there wins over the pattern of its name', ['a[1].csv', 'a1.csv'], ['a[1].csv'], ['a[1].csv']],
    [
      'a folder: known endings, in any case, below it too, nothing hidden',
      [
        'd/b.CSV',
        'd/a.json.gz',
        'd/c.jsonl.zst',
        'd/e/f.ndjson',
        'd/g.tsv',
        'd/readme.txt',
        'd/.h.csv',
        'd/.git/i.csv',
        'd/j.gz',
      ],
      ['d'],
      ['d/a.json.gz', 'd/b.CSV', 'd/c.jsonl.zst', 'd/e/f.ndjson', 'd/g.tsv'],
    ],
    [
      'a folder with a slash behind it, and with signs of patterns in its name',
      ['d (1) [x]/a.csv'],
      ['d (1) [x]/'],
      ['d (1) [x]/a.csv'],
    ],
    ['each file once, where it comes first', ['a.csv', 'b.csv'], ['b.csv', '*.csv', './a.csv'], ['b.csv', 'a.csv']],
    ['standard input at its place', ['a.csv', 'b.csv'], ['b.csv', '-', 'a.csv'], ['b.csv', '-', 'a.csv']],
  ]
  test.each(cases)('%s', async (_, files, args, paths) => {
    expect(await expanded(files, args)).toEqual(paths)
  })

  test('a symbolic link is what it points to', async () => {
    await withScratchFolder(async (folder) => {
      await mkdir(join(folder, 'real'))
      await writeFile(join(folder, 'real/a.csv'), '')
      await symlink(join(folder, 'real'), join(folder, 'link'))
      expect(await expandPaths([join(folder, 'link')])).toEqual([join(folder, 'link/a.csv')])
    })
  })

  test('a named pipe is a file to read', async () => {
    await withScratchFolder(async (folder) => {
      const pipe = join(folder, 'pipe')
      execFileSync('mkfifo', [pipe])
      expect(await expandPaths([pipe])).toEqual([pipe])
    })
  })

  const failures: [what: string, files: string[], args: string[], code: string, message: RegExp][] = [
    ['a path that is not there', [], ['no.csv'], 'file_not_found', /No such file: .*no\.csv/],
    ['a path below a file', ['a.csv'], ['a.csv/b.csv'], 'file_not_found', /No such file/],
    ['a pattern without a match', ['a.txt'], ['*.csv'], 'file_not_found', /No file matches the pattern/],
    ['an empty folder', ['d/'], ['d'], 'no_input_files', /The folder is empty/],
    [
      'a folder of other files',
      ['d/a.txt', 'd/b.pdf'],
      ['d'],
      'no_input_files',
      /has 2 files, none with a known ending/,
    ],
    ['no argument', [], [], 'no_input_files', /No file was named/],
    ['standard input twice', [], ['-', '-'], 'usage', /only once/],
  ]
  test.each(failures)('%s', async (_, files, args, code, message) => {
    const error = await errorOf(() => expanded(files, args))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })

  test('a device is neither a file nor a pipe', async () => {
    expect((await errorOf(() => expandPaths(['/dev/null']))).code).toBe('file_not_readable')
  })

  test('a loop of symbolic links cannot be read', async () => {
    await withScratchFolder(async (folder) => {
      await symlink(join(folder, 'b.csv'), join(folder, 'a.csv'))
      await symlink(join(folder, 'a.csv'), join(folder, 'b.csv'))
      expect((await errorOf(() => expandPaths([join(folder, 'a.csv')]))).code).toBe('file_not_readable')
    })
  })
})
