/**
 * The segment that is written to. A write that fails ends it: the file is cut back to its last good byte and never
 * appended to again, because after a failed fsync nobody knows what the system has kept of it.
 */
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { failpoint } from '../../core/failpoint.js'
import { syncFolder, writeAll } from '../../os/durable-files.js'
import type { SpooledRequest } from '../body/request.js'
import { earlier, type SegmentSummary, segmentPath } from './recovery.js'
import { encodeAll, newSegmentName } from './segment.js'

export class SegmentWriter {
  readonly name: string
  readonly #folder: string
  readonly #sequence: number
  #handle: FileHandle | undefined
  #summary: SegmentSummary

  constructor(folder: string, sequence: number) {
    this.name = newSegmentName(sequence)
    this.#folder = folder
    this.#sequence = sequence
    this.#summary = { name: this.name, sequence, bytes: 0, requests: 0, events: 0, oldestAt: null }
  }

  /** What is safe in it. */
  get summary(): SegmentSummary {
    return this.#summary
  }

  /**
   * Appends requests with one write and one sync; they are safe when it resolves. When it fails none of them is, and the
   * writer is closed.
   */
  async write(requests: readonly SpooledRequest[]): Promise<void> {
    const buffers = await encodeAll(this.name, requests)
    const from = this.#summary.bytes
    try {
      const isNew = this.#handle === undefined
      this.#handle ??= await open(segmentPath(this.#folder, this.name), 'wx', 0o600)
      await writeAll(this.#handle, buffers, from)
      failpoint('spool.written')
      await this.#handle.datasync()
      if (isNew) await syncFolder(this.#folder)
    } catch (error) {
      await this.#cutBack()
      throw error
    }
    let { oldestAt, events } = this.#summary
    for (const { receivedAt, good } of requests) {
      oldestAt = earlier(oldestAt, receivedAt)
      events += good
    }
    this.#summary = {
      name: this.name,
      sequence: this.#sequence,
      oldestAt,
      events,
      bytes: from + buffers.reduce((sum, { length }) => sum + length, 0),
      requests: this.#summary.requests + requests.length,
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  /** Best effort: whatever stays after the good bytes is not read as long as this process lives, and repaired by the next. */
  async #cutBack(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    if (handle === undefined) return
    try {
      await handle.truncate(this.#summary.bytes)
      await handle.sync()
    } catch {
      // The error that led here says it all.
    }
    await handle.close().catch(() => {})
    if (this.#summary.requests === 0) await unlink(segmentPath(this.#folder, this.name)).catch(() => {})
  }
}
