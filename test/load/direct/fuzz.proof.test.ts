/** Bytes that nobody thought of are read by the kernel as they are staged; a kernel with a fault is found, and its input is printed. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { loadKernel, type Wasm } from '../../../src/lib/load/direct/kernel.js'
import { size } from '../../support/effort.js'
import { seed } from '../../support/effort-of-run.js'
import { sharedDatabase } from '../../support/postgres/shared-database.js'
import { fuzz } from './fuzz.js'

const database = sharedDatabase()
const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly
const folder = 'src/lib/load/direct'

test('whatever the kernel takes is stored as it is staged', { tags: 'property' }, async () => {
  const { inputs, records } = await fuzz(
    database(),
    loadKernel(`${folder}/kernel.wasm`, wasm),
    seed,
    size(60_000, 4_000),
  )
  process.stderr.write(`The kernel was given ${inputs} inputs, and took ${records} records of them.\n`)
  expect(records).toBeGreaterThan(inputs / 4)
})

/** Each is one place of values.ts. */
const faults: readonly [what: string, right: string, wrong: string][] = [
  ['the sign of an offset', 'if (sign === 0x2d) offset', 'if (sign === 0x2b) offset'],
  ['U+009F in a text', 'load<u8>(p, 1) < 0xa0', 'load<u8>(p, 1) < 0x9f'],
  ['the leap day of 2000', 'year % 400 === 0', 'year % 400 === 1'],
]

describe('a fault that is planted is found:', () => {
  test.each(faults)('%s', async (what, right, wrong) => {
    const sources = `.cache/kernel-${what.replaceAll(/\W/g, '-')}`
    try {
      await cp(`${folder}/assembly`, sources, { recursive: true })
      const values = await readFile(`${sources}/values.ts`, 'utf8')
      expect(values).toContain(right)
      await writeFile(`${sources}/values.ts`, values.replace(right, wrong))
      const { compileFrom } = await import(new URL('../../../bin/kernel.js', import.meta.url).href)
      await compileFrom(`${process.cwd()}/${sources}`, `${process.cwd()}/${sources}/kernel.wasm`)
      const faulty = loadKernel(`${sources}/kernel.wasm`, wasm)
      const found = await fuzz(database(), faulty, seed, 30_000).catch((error: Error) => error.message)
      expect(found).toMatch(/^seed \d+: .+\nread as \{.+\nbytes [0-9a-f]+\n/)
    } finally {
      await rm(sources, { recursive: true, force: true })
    }
  })
})
