/**
 * Plain records by the kernel, for the splitter. Read this first:
 *
 *   plan.ts: can the kernel read this source? ─ split: a chunk is plain ─ rows ─ COPY into events, or into staging
 *
 * It is a short way to what staging and merge would store, for chunks of which nothing else has to be asked. Which event wins when
 * an id repeats, and why a record is none, is decided there (merge.ts).
 */
import type { CountedDays, DayZone } from '../../rollups/counted-days.js'
import type { PlainReader, PlainRecords, ReadRange, Rows, RowTarget } from '../split/chunk.js'
import { giveUpKernel, type Kernel, theKernel } from './kernel.js'
import type { DirectPlan } from './plan.js'

/**
 * The reader for a source; undefined when this process has no kernel that works (`kernelFault` says why).
 *
 * @param days counts the users and days of the records whose rows are for `events`
 */
export function directReader(plan: DirectPlan, days?: DayZone): PlainReader | undefined {
  const kernel = theKernel()
  return kernel && new DirectReader(kernel, plan, days)
}

/** After a chunk that was not plain so many are not tried, and after each further one twice as many, up to `mostSkipped`. */
const firstSkipped = 1
const mostSkipped = 16

class DirectReader implements PlainReader {
  readonly #kernel: Kernel
  readonly #plan: DirectPlan
  readonly #zone: DayZone | undefined
  readonly #rooms: Buffer[] = []
  #toSkip = 0
  #skipsNext = firstSkipped

  constructor(kernel: Kernel, plan: DirectPlan, zone: DayZone | undefined) {
    this.#kernel = kernel
    this.#plan = plan
    this.#zone = zone
    try {
      if (zone) kernel.beginDays(zone, this)
    } catch (error) {
      giveUpKernel(error)
    }
  }

  read(bytes: Buffer, range: ReadRange): PlainRecords | undefined {
    if (this.#toSkip > 0) {
      this.#toSkip--
      return undefined
    }
    const records = this.#tried(bytes, range)
    if (records) this.#skipsNext = firstSkipped
    else {
      this.#toSkip = this.#skipsNext
      this.#skipsNext = Math.min(mostSkipped, this.#skipsNext * 2)
    }
    return records
  }

  /** A kernel that ends in the middle, for want of memory or by a fault of its own, has judged nothing. */
  #tried(bytes: Buffer, range: ReadRange): PlainRecords | undefined {
    if (theKernel() !== this.#kernel) return undefined
    try {
      return this.#kernel.read(this.#plan, bytes, range)
    } catch (error) {
      giveUpKernel(error)
      return undefined
    }
  }

  rows(bytes: Buffer, range: ReadRange, records: PlainRecords, target: RowTarget): Rows {
    const kernel = this.#kernel
    // Chunks are handed on as soon as they are read: mostly the kernel still has this one.
    if (!kernel.holds(records)) {
      const again = kernel.read(this.#plan, bytes, range)
      if (again?.count !== records.count || again.stop !== records.stop) {
        throw new Error(`the kernel read ${records.count} records first and then ${again?.count}`)
      }
    }
    if (target.kind === 'events') kernel.countDays(this)
    const repeats = kernel.sort()
    const data = kernel.rows(target, this.#rooms.pop())
    return { data, count: records.count, repeats }
  }

  countedDays(): CountedDays | undefined {
    return this.#zone && this.#kernel.takeDays(this.#zone, this)
  }

  release({ data }: Rows): void {
    const room = Buffer.from(data.buffer)
    if (this.#rooms.length < 4) this.#rooms.push(room)
  }
}
