/** A folder of its own for each test that needs real files, and errors as values. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EaError } from '../../src/lib/core/errors.js'

/** Runs `use` with the path of a fresh folder and removes it afterwards. */
export async function withScratchFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ea-test-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The EaError that something throws or rejects with; fails when it is another or none. */
export async function errorOf(run: () => unknown): Promise<EaError> {
  try {
    await run()
  } catch (error) {
    if (error instanceof EaError) return error
    throw error
  }
  throw new Error('expected an EaError, but nothing was thrown')
}
