/** A disk that is soon full: a small file system in memory, which only root on Linux can mount. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from './server.js'

/** Whether this machine lets a test have one. */
export const canMount = mayMount()

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const probe = `/tmp/ea-test-disk-${process.pid}`
  mkdirSync(probe, { recursive: true })
  const isMounted = mount(probe)
  spawnSync('umount', [probe])
  rmdirSync(probe)
  return isMounted
}

function mount(folder: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=711', 'tmpfs', folder]).status === 0
}

/**
 * Hands out a disk of 1 MB, and takes it away afterwards.
 *
 * @param use gets its folder, and what fills all that is left of it
 */
export async function withSmallDisk<T>(use: (folder: string, fill: () => Promise<void>) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder()
  if (!mount(folder)) throw new Error(`cannot mount a small disk at ${folder}`)
  const fill = async () => {
    const full = await writeFile(join(folder, 'filler'), Buffer.alloc(2 * 1024 * 1024)).catch((error) => error.code)
    if (full !== 'ENOSPC') throw new Error(`the small disk is not full: ${full}`)
  }
  try {
    return await use(folder, fill)
  } finally {
    spawnSync('umount', [folder])
    rmdirSync(folder)
  }
}
