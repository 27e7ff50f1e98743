/**
 * What lies in a spool, for a person, beside whoever has it: takes no lock and changes nothing. It reads the headers of
 * the requests and passes over their lines.
 */
import { existsSync } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { asFolderError } from '../../db/embedded/paths.js'
import { type DeadLetter, listDeadLetters } from './dead-letters.js'
import { earlier } from './recovery.js'
import { maxHeaderBytes, readHeader, segmentOfFile } from './segment.js'
import { spoolHolderPid } from './spool-lock.js'

export interface SpoolStatus {
  readonly folder: string
  /** The process that has it open, such as `ea serve`; null when none has. */
  readonly holderPid: number | null
  readonly segments: number
  readonly requests: number
  readonly events: number
  readonly bytes: number
  readonly oldestAt: Date | null
  readonly deadLetters: readonly DeadLetter[]
}

/**
 * Looks at a spool; one that was never used is empty.
 *
 * @param folder see `spoolFolder`
 * @throws EaError `data_dir_unwritable` when the folder may not be read
 */
export async function spoolStatus(folder: string): Promise<SpoolStatus> {
  let [segments, requests, events, bytes] = [0, 0, 0, 0]
  let oldestAt: Date | null = null
  try {
    if (!existsSync(folder)) {
      return { folder, holderPid: null, segments, requests, events, bytes, oldestAt, deadLetters: [] }
    }
    for (const file of await readdir(folder)) {
      const name = segmentOfFile(file)?.name
      const count = name === undefined ? undefined : await countSegment(join(folder, file), name)
      if (count === undefined || count.requests === 0) continue
      segments += 1
      requests += count.requests
      events += count.events
      bytes += count.bytes
      oldestAt = earlier(oldestAt, count.oldestAt)
    }
    const deadLetters = await listDeadLetters(folder)
    return { folder, holderPid: spoolHolderPid(folder), segments, requests, events, bytes, oldestAt, deadLetters }
  } catch (error) {
    throw asFolderError(error, folder)
  }
}

interface Count {
  readonly requests: number
  readonly events: number
  readonly bytes: number
  readonly oldestAt: Date | null
}

/** Undefined when the segment was drained in this moment. */
async function countSegment(path: string, name: string): Promise<Count | undefined> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return await countRequests(handle, name)
  } finally {
    await handle.close()
  }
}

async function countRequests(handle: FileHandle, name: string): Promise<Count> {
  const { size } = await handle.stat()
  const buffer = Buffer.alloc(maxHeaderBytes)
  let [requests, events, at] = [0, 0, 0]
  let oldestAt: Date | null = null
  while (at < size) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
    const read = readHeader(name, buffer.subarray(0, bytesRead))
    // Somebody writes it in this moment, or it is damaged: whoever opens the spool will say so.
    if (typeof read === 'string' || at + read.headerBytes + read.header.lines_bytes > size) break
    at += read.headerBytes + read.header.lines_bytes
    requests += 1
    events += read.header.good
    oldestAt = earlier(oldestAt, new Date(read.header.received_at))
  }
  return { requests, events, bytes: at, oldestAt }
}
