/**
 * `--rejects-file`: the header and the untouched records that were rejected, in a form that can be fixed and imported as it
 * is. It is written while the source is read, chunk by chunk in the order of the file, so it holds all rejects, also of an
 * import that fails, and none of them stays in memory. A record of which only a part is known is left out: as a line of its
 * own that part would be another record.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { Reject, RejectCode } from '../core/event.js'
import { throwUnwritable } from '../os/atomic-file.js'
import type { Dialect } from './detect/sniff.js'

/** How the file frames its records. */
export interface RejectsFrame {
  /** What the source was decoded from: the file is UTF-8 in any case. */
  readonly encoding: string
  readonly dialect: Pick<Dialect, 'format' | 'lineEnd'>
  /** The header as it stands in the source, with its line end. */
  readonly header: Buffer
}

/** Where a reject that is left out is in the source. */
export interface LeftOutReject {
  readonly record: number
  readonly line: number
  readonly byteOffset: number
  readonly code: RejectCode
}

/** What came of it. */
export interface RejectsFileSummary {
  readonly file: string
  /** How many rejects it holds. */
  readonly records: number
  /** How many it does not hold, because only a part of them is known. */
  readonly leftOut: number
  /** The first of those. */
  readonly firstLeftOut: readonly LeftOutReject[]
}

const namedLeftOut = 100
/** Written at once: one write for each reject would take most of the time. */
const writeBytes = 256 * 1024

export type WriteRejects = (rejects: Iterable<Reject> | AsyncIterable<Reject>) => Promise<void>

/** Whether all that is known of a reject is a part of its record. */
const isCut = ({ code, raw }: Reject) => code === 'record_too_long' || raw.length === 0

export class RejectsFile {
  readonly #name: string
  readonly #handle: FileHandle
  readonly #isArray: boolean
  readonly #lineEnd: Buffer
  #records = 0
  #leftOut = 0
  readonly #firstLeftOut: LeftOutReject[] = []
  /** What is not written yet, and how many bytes that is. */
  #pending = Buffer.allocUnsafe(2 * writeBytes)
  #pendingBytes = 0
  #turn: Promise<void> = Promise.resolve()

  /** @param name what people know the file as */
  static async begin(name: string, path: string, frame: RejectsFrame): Promise<RejectsFile> {
    return new RejectsFile(name, await open(path, 'w').catch(throwUnwritable(name)), frame)
  }

  private constructor(name: string, handle: FileHandle, { encoding, dialect, header }: RejectsFrame) {
    this.#name = name
    this.#handle = handle
    this.#isArray = dialect.format === 'json-array'
    this.#lineEnd = Buffer.from(lineEnds[dialect.lineEnd])
    // Whoever imports the fixed file with the --encoding of its source is told that it is UTF-8 now.
    if (encoding !== 'utf-8') this.#put(Buffer.from('\ufeff'))
    if (this.#isArray) this.#put(Buffer.from('[\n'))
    else if (header.length > 0) this.#put(withoutLineEnd(header), this.#lineEnd)
  }

  /**
   * Runs the work on one chunk, which may write its rejects once. To be called in the order of the chunks; what runs at the
   * same time writes in that order, too.
   */
  async inTurn(work: (write: WriteRejects) => Promise<void>): Promise<void> {
    const before = this.#turn
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#turn = before.then(() => ended)
    try {
      await work(async (rejects) => {
        await before
        if (Symbol.asyncIterator in rejects) for await (const reject of rejects) await this.#add(reject)
        else {
          // A promise for each would be most of what they cost.
          for (const reject of rejects) {
            const written = this.#add(reject)
            if (written) await written
          }
        }
      })
    } finally {
      end()
    }
  }

  /** Ends the file; nothing is written after it. */
  async end(): Promise<void> {
    if (this.#isArray) this.#put(Buffer.from('\n]\n'))
    await this.#flush()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  get summary(): RejectsFileSummary {
    return { file: this.#name, records: this.#records, leftOut: this.#leftOut, firstLeftOut: this.#firstLeftOut }
  }

  #add(reject: Reject): Promise<void> | undefined {
    if (isCut(reject)) {
      this.#leftOut += 1
      const { record, line, byteOffset, code } = reject
      if (this.#firstLeftOut.length < namedLeftOut) this.#firstLeftOut.push({ record, line, byteOffset, code })
      return undefined
    }
    if (this.#isArray) this.#put(...(this.#records > 0 ? [Buffer.from(',\n')] : []), reject.raw)
    else this.#put(reject.raw, this.#lineEnd)
    this.#records += 1
    return this.#pendingBytes >= writeBytes ? this.#flush() : undefined
  }

  #put(...pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      const needed = this.#pendingBytes + piece.length
      if (needed > this.#pending.length) {
        const wider = Buffer.allocUnsafe(2 * needed)
        this.#pending.copy(wider, 0, 0, this.#pendingBytes)
        this.#pending = wider
      }
      this.#pendingBytes += piece.copy(this.#pending, this.#pendingBytes)
    }
  }

  async #flush(): Promise<void> {
    const bytes = this.#pending.subarray(0, this.#pendingBytes)
    this.#pendingBytes = 0
    await this.#handle.writeFile(bytes).catch(throwUnwritable(this.#name))
  }
}

const lineEnds: Readonly<Record<Dialect['lineEnd'], string>> = {
  lf: '\n',
  crlf: '\r\n',
  cr: '\r',
  mixed: '\n',
  none: '\n',
}

function withoutLineEnd(header: Buffer): Buffer {
  return header.subarray(0, header.length - /(\r\n|\n|\r)?$/.exec(header.subarray(-2).toString('latin1'))![0].length)
}
