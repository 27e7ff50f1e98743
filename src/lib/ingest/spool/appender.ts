/**
 * The way into the spool: requests that come while the disk is busy wait, and the next write and sync takes all of them.
 * Segments are closed here when they are large enough, when somebody wants to drain them, or when the disk refuses.
 */

import { asSpoolFull } from '../../os/durable-files.js'
import type { SpooledRequest } from '../body/request.js'
import type { OnSpoolEvent } from './events.js'
import type { SegmentSummary } from './recovery.js'
import { SegmentWriter } from './segment-writer.js'

/** A segment that has grown to this is closed; one larger request still goes into one. */
const rotateBytes = 8 * 1024 * 1024
/** About what a header takes, to know in advance how much goes into one write. */
const headerBytes = 350

interface Waiting {
  readonly request: SpooledRequest
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export interface AppenderOptions {
  readonly folder: string
  /** Of the first segment that is begun. */
  readonly sequence: number
  /** Gets each segment that is closed, in order. */
  readonly onClosed: (segment: SegmentSummary) => void
  /** Called when requests are safe, after they were told. */
  readonly onAppended: () => void
  readonly onEvent: OnSpoolEvent
}

export class Appender {
  readonly #options: AppenderOptions
  readonly #waiting: Waiting[] = []
  #nextSequence: number
  #writer: SegmentWriter | undefined
  /** Ends when everything that touches the writer so far is done. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: AppenderOptions) {
    this.#options = options
    this.#nextSequence = options.sequence
  }

  /** What is safe in the segment that is written to; undefined when there is none. */
  get current(): SegmentSummary | undefined {
    const summary = this.#writer?.summary
    return summary === undefined || summary.requests === 0 ? undefined : summary
  }

  /** See `Spool.append`. */
  append(request: SpooledRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      void this.#inTurn(() => this.#writeGroup())
    })
  }

  /** Closes the segment that is written to, when all that came before is written; the next request begins a new one. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#closeWriter())
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** Writes what waits, as much as goes into the segment; whoever waits longer has a turn of their own. */
  async #writeGroup(): Promise<void> {
    let bytes = this.#writer?.summary.bytes ?? 0
    let count = 0
    while (count < this.#waiting.length && (count === 0 || bytes < rotateBytes)) {
      bytes += this.#waiting[count++]!.request.lines.length + headerBytes
    }
    const { folder } = this.#options
    const group = this.#waiting.splice(0, count)
    if (group.length === 0) return
    this.#writer ??= new SegmentWriter(folder, this.#nextSequence++)
    const writer = this.#writer
    try {
      await writer.write(group.map(({ request }) => request))
    } catch (error) {
      await this.#closeWriter()
      for (const { reject } of group) reject(asSpoolFull(error, folder))
      this.#options.onEvent({ kind: 'refused', segment: writer.name, requests: group.length, error })
      return
    }
    if (writer.summary.bytes >= rotateBytes) await this.#closeWriter()
    for (const { resolve } of group) resolve()
    this.#options.onAppended()
  }

  async #closeWriter(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    if (writer === undefined) return
    if (writer.summary.requests > 0) this.#options.onClosed(writer.summary)
    // What it holds is synced, so an error here harms nothing.
    await writer.close().catch(() => {})
  }
}
