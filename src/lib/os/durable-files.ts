/**
 * The few things that a spool asks of a disk, so that what was promised is there after a power cut: whole files, synced
 * folders. And what a disk says when it takes no more.
 */
import { type FileHandle, open, rename, rm, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EaError } from '../core/errors.js'

/** Makes sure that names which were added to or removed from a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and does this by itself.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes all of the buffers, one after the other, from `position` on; a system call may take less than it is given. */
export async function writeAll(handle: FileHandle, buffers: readonly Buffer[], position: number): Promise<void> {
  let left = buffers.filter(({ length }) => length > 0)
  let at = position
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left, at)
    at += bytesWritten
    left = behind(left, bytesWritten)
  }
}

function behind(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let rest = bytes
  let index = 0
  while (index < buffers.length && rest >= buffers[index]!.length) rest -= buffers[index++]!.length
  return buffers.slice(index).map((buffer, place) => (place === 0 ? buffer.subarray(rest) : buffer))
}

/** A file that is there whole and durably, or not at all; one of the same name is replaced. */
export async function writeDurably(path: string, buffers: readonly Buffer[]): Promise<void> {
  const draft = `${path}.tmp`
  try {
    const handle = await open(draft, 'w', 0o600)
    try {
      await writeAll(handle, buffers, 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** Removes a file durably; one that is gone is fine. */
export async function removeDurably(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await syncFolder(dirname(path))
}

/** What a disk says that is full, over its quota, or broken. */
const exhausted = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'])

/** An error of a disk that takes no more as `spool_full`; anything else comes back as it is. */
export function asSpoolFull(error: unknown, folder: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof EaError || code === undefined || !exhausted.has(code)) return error
  return new EaError('spool_full', `The spool ${folder} takes no more: ${message}`, { cause: error })
}
