/**
 * The durable spool: requests whose events the database cannot take now, on the disk until it can. What was appended is
 * there after a crash or a power cut, in order, each request once; it leaves when it was delivered or became a dead
 * letter. One process at a time has it. It knows nothing of the database.
 */

import { EaError } from '../../core/errors.js'
import { asFolderError } from '../../db/embedded/paths.js'
import { asSpoolFull, removeDurably } from '../../os/durable-files.js'
import type { SpooledRequest, SpoolPart } from '../body/request.js'
import { Appender } from './appender.js'
import {
  type DeadLetter,
  type DeadLetterReason,
  deadLetterPart,
  deadLetterSegment,
  listDeadLetters,
  partLetterName,
  readDeadLetter,
  removeDeadLetter,
} from './dead-letters.js'
import type { OnSpoolEvent } from './events.js'
import { earlier, readRecovered, recoverAll, type SegmentSummary, segmentPath, summarize } from './recovery.js'
import type { SpoolSegment } from './segment.js'
import { makeSpoolFolder } from './spool-folder.js'
import { takeSpoolLock } from './spool-lock.js'

export interface SpoolOptions {
  readonly onEvent?: OnSpoolEvent
}

/** What a spool holds. */
export interface SpoolState {
  readonly segments: number
  readonly requests: number
  readonly events: number
  readonly bytes: number
  /** When its oldest request came; null when it is empty. */
  readonly oldestAt: Date | null
  readonly deadLetters: number
}

/**
 * Opens the spool in a folder, repairs what a crash left, hands it to `use`, and closes it whatever happens.
 *
 * @param folder see `spoolFolder`; made when it is missing
 * @throws EaError `spool_in_use` when a living process has it, `spool_full`, `data_dir_unwritable`
 * @example
 * await withSpool(spoolFolder(config), async (spool) => spool.append(request))
 */
export async function withSpool<T>(
  folder: string,
  use: (spool: Spool) => Promise<T>,
  options: SpoolOptions = {},
): Promise<T> {
  const onEvent = options.onEvent ?? (() => {})
  makeSpoolFolder(folder)
  const lock = takeSpoolLock(folder)
  try {
    const spool = await openSpool(folder, onEvent)
    try {
      return await use(spool)
    } finally {
      await spool.close()
    }
  } finally {
    lock.release()
  }
}

async function openSpool(folder: string, onEvent: OnSpoolEvent): Promise<Spool> {
  try {
    const segments = await recoverAll(folder, onEvent)
    const letters = await listDeadLetters(folder)
    return new Spool(folder, onEvent, segments, letters)
  } catch (error) {
    throw asFolderError(asSpoolFull(error, folder), folder)
  }
}

/** An open spool; see `withSpool`. */
export class Spool {
  readonly folder: string
  readonly #onEvent: OnSpoolEvent
  /** Closed segments, oldest first. */
  readonly #closed: SegmentSummary[]
  readonly #letters: Set<string>
  readonly #appender: Appender
  #isClosed = false
  /** Who waits for it to be empty, or not to be. */
  readonly #watchers = new Set<() => void>()

  /** @param letters the dead letters that are there */
  constructor(
    folder: string,
    onEvent: OnSpoolEvent,
    segments: readonly SegmentSummary[],
    letters: readonly DeadLetter[],
  ) {
    this.folder = folder
    this.#onEvent = onEvent
    this.#closed = [...segments]
    this.#letters = new Set(letters.map(({ name }) => name))
    this.#appender = new Appender({
      folder,
      sequence: segments.reduce((highest, { sequence }) => Math.max(highest, sequence), 0) + 1,
      onClosed: (segment) => this.#closed.push(segment),
      onAppended: () => this.#tellWatchers(),
      onEvent,
    })
  }

  /**
   * Resolves when the request is safe on the disk. Requests that come while the disk is busy share the next write; they
   * resolve in the order in which they lie in the spool.
   *
   * @throws EaError `spool_full` when the disk is full or broken: nothing of the request is kept
   */
  append(request: SpooledRequest): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('The spool is closed.'))
    return this.#appender.append(request)
  }

  get isEmpty(): boolean {
    return this.#closed.length === 0 && this.#appender.current === undefined
  }

  /** Counted along; reads nothing from the disk. */
  get state(): SpoolState {
    const all = [...this.#closed, ...(this.#appender.current ? [this.#appender.current] : [])]
    const sum = (of: (segment: SegmentSummary) => number) => all.reduce((total, segment) => total + of(segment), 0)
    return {
      segments: all.length,
      requests: sum(({ requests }) => requests),
      events: sum(({ events }) => events),
      bytes: sum(({ bytes }) => bytes),
      oldestAt: all.reduce<Date | null>((oldest, segment) => earlier(oldest, segment.oldestAt), null),
      deadLetters: this.#letters.size,
    }
  }

  /** Resolves when the spool is not empty, or when the signal aborts. */
  filled(signal: AbortSignal): Promise<void> {
    return this.#until(() => !this.isEmpty, signal)
  }

  /**
   * Resolves when the spool is empty, or when the signal aborts. Under a steady load a spool that everybody appends to is
   * never empty: whoever wants to pass it by waits here instead, once little is left.
   */
  emptied(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.isEmpty, signal)
  }

  /**
   * Reads the oldest segment, to be delivered and then removed; nothing is appended to it any more. Undefined when the
   * spool is empty. A segment that the disk cannot read any more becomes a dead letter, and the next one is read.
   */
  async oldest(): Promise<SpoolSegment | undefined> {
    for (;;) {
      if (this.#closed.length === 0) await this.#appender.close()
      const summary = this.#closed[0]
      if (summary === undefined) return undefined
      const segment = await this.#read(summary)
      if (segment === undefined) this.#forget(summary.name)
      else {
        // It may have been written anew, without what was damaged.
        if (segment.name !== summary.name) this.#closed[0] = summarize(segment)
        return segment
      }
    }
  }

  /** Forgets a segment whose parts are all delivered or buried; durable when it resolves. */
  async remove(segment: SpoolSegment): Promise<void> {
    await removeDurably(segmentPath(this.folder, segment.name))
    this.#forget(segment.name)
  }

  /** Whether a part is a dead letter already: a crash came between burying it and removing its segment. */
  isBuried(part: SpoolPart): boolean {
    return this.#letters.has(partLetterName(part))
  }

  /**
   * Keeps a part that cannot be delivered as a dead letter; durable when it resolves. Its segment is still to be removed.
   *
   * @throws EaError `spool_full`
   */
  async bury(part: SpoolPart, reason: DeadLetterReason): Promise<void> {
    try {
      await deadLetterPart(this.folder, part, reason)
    } catch (error) {
      throw asSpoolFull(error, this.folder)
    }
    this.#letters.add(partLetterName(part))
  }

  /** What could not be delivered, oldest first. */
  deadLetters(): Promise<DeadLetter[]> {
    return listDeadLetters(this.folder)
  }

  /**
   * Puts a dead letter back at the end of the spool: it is removed when its requests are safe there.
   *
   * @returns how many requests and events it had; undefined when it holds none that can be read
   * @throws EaError `spool_full`, `usage` when there is no such dead letter
   */
  async retry(name: string): Promise<{ requests: number; events: number } | undefined> {
    const letter = (await this.deadLetters()).find((one) => one.name === name)
    if (letter === undefined) {
      throw new EaError('usage', `There is no dead letter ${name}.`, { suggestions: ['See them: `ea spool status`.'] })
    }
    if (!letter.canRetry) return undefined
    const { requests, isDamaged } = await readDeadLetter(this.folder, name)
    if (isDamaged || requests.length === 0) return undefined
    await Promise.all(requests.map((request) => this.append(request)))
    await removeDeadLetter(this.folder, name)
    this.#letters.delete(name)
    return { requests: requests.length, events: requests.reduce((sum, { good }) => sum + good, 0) }
  }

  /** Called by `withSpool`: what was accepted is written first. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#appender.close()
  }

  #forget(segment: string): void {
    const index = this.#closed.findIndex(({ name }) => name === segment)
    if (index !== -1) this.#closed.splice(index, 1)
    this.#tellWatchers()
  }

  #tellWatchers(): void {
    for (const look of [...this.#watchers]) look()
  }

  #until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    if (isSo() || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const look = () => {
        if (!isSo() && !signal.aborted) return
        this.#watchers.delete(look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      this.#watchers.add(look)
      signal.addEventListener('abort', look)
    })
  }

  async #read(summary: SegmentSummary): Promise<SpoolSegment | undefined> {
    const { name, bytes } = summary
    try {
      const segment = await readRecovered(this.folder, name, {
        isNewest: false,
        onEvent: this.#onEvent,
        limitBytes: bytes,
      })
      if (segment?.name !== name) await this.#countLetters()
      return segment
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') {
        this.#onEvent({ kind: 'damaged', segment: name, bytes, reason: 'somebody removed the file' })
        return undefined
      }
      if (code !== 'EIO') throw asSpoolFull(error, this.folder)
      await deadLetterSegment(this.folder, name, { code, message, at: new Date().toISOString(), attempts: 1 })
      await this.#countLetters()
      this.#onEvent({ kind: 'damaged', segment: name, bytes, reason: message })
      return undefined
    }
  }

  async #countLetters(): Promise<void> {
    this.#letters.clear()
    for (const { name } of await this.deadLetters()) this.#letters.add(name)
  }
}
