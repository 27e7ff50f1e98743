/** An import whose kernel is missing or broken is staged, and says so once. */
import { execFile } from 'node:child_process'
import { cp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadKernel, type Wasm } from '../../../src/lib/load/direct/kernel.js'
import { csvOf, withBench } from '../../commands/import-content.js'
import { builtOnce } from '../../support/binary.js'
import { withScratchFolder } from '../../support/temp-dir.js'

beforeAll(builtOnce)

const parts = ['bin', 'dist', 'migrations', 'presets', 'package.json', 'oclif.manifest.json']

/** A copy of the built program whose kernel something was done to, and what it says of two imported files. */
async function importTwo(breaks: (kernel: string) => Promise<void>, flags: readonly string[] = []) {
  let told: unknown
  await withBench(async ({ folder, path, url, events }) => {
    const program = path('program')
    for (const part of parts) await cp(part, join(program, part), { recursive: true })
    await symlink(resolve('node_modules'), join(program, 'node_modules'))
    await breaks(join(program, 'dist/lib/chunks/kernel.wasm'))
    await writeFile(path('a.csv'), csvOf(0, 3000))
    await writeFile(path('b.csv'), csvOf(3000, 3010))
    const args = [...flags, join(program, 'bin/run.js'), 'import', path('a.csv'), path('b.csv'), '--json']
    const env = { PATH: process.env.PATH, HOME: folder, DATABASE_URL: url }
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((ended) =>
      execFile(process.execPath, args, { env }, (error, stdout) => ended({ code: error?.code ?? 0, stdout })),
    )
    const { batches, error } = JSON.parse(stdout)
    told = {
      code,
      error,
      inserted: batches.map(({ inserted }: { inserted: number }) => inserted),
      warnings: batches.flatMap(({ warnings }: { warnings: string[] }) => warnings),
    }
    expect(await events()).toBe(3010)
  })
  return told as { readonly warnings: string[] }
}

describe('an import succeeds, and says once that records are staged,', () => {
  test.each<[string, (kernel: string) => Promise<void>, why: RegExp]>([
    ['when its kernel is not there', (kernel) => rm(kernel), /ENOENT/],
    ['when its kernel was cut off', (kernel) => truncate(kernel, 1000), /WebAssembly\.Module/],
  ])('%s', async (_, breaks, why) => {
    const told = await importTwo(breaks)
    expect(told).toMatchObject({ code: 0, error: undefined, inserted: [3000, 10] })
    expect(told.warnings).toEqual([expect.stringMatching(why)])
  })
})

test('a Node without WebAssembly stages without a word', async () => {
  const told = await importTwo(async () => {}, ['--jitless'])
  expect(told).toEqual({ code: 0, error: undefined, inserted: [3000, 10], warnings: [] })
})

describe('a kernel is not used', () => {
  const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly
  const own = 'src/lib/load/direct/kernel.wasm'
  const nothing = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])

  test.each<[string, (whole: Buffer) => Buffer]>([
    ['that is empty', () => Buffer.alloc(0)],
    ['that lacks its last byte', (whole) => whole.subarray(0, -1)],
    ['that is a text', () => Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    ['that is another module', () => nothing],
  ])('%s', async (_, breaks) => {
    const whole = await readFile(own)
    expect(loadKernel(own, wasm)).toBeDefined()
    await withScratchFolder(async (folder) => {
      await writeFile(`${folder}/kernel.wasm`, breaks(whole))
      expect(() => loadKernel(`${folder}/kernel.wasm`, wasm)).toThrow()
    })
  })

  test('that finds no memory', () => {
    class NoMemory extends wasm.Memory {
      override grow(): number {
        throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory')
      }
    }
    expect(() => loadKernel(own, { ...wasm, Module: wasm.Module, Instance: wasm.Instance, Memory: NoMemory })).toThrow(
      'Unable to grow',
    )
  })
})
