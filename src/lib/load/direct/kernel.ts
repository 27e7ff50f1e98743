/**
 * The host of the kernel (assembly/index.ts): loads it, lays out its memory, hands it bytes and takes rows from it. One is enough
 * for a process: it works on one chunk at a time, and remembers nothing that is not asked for again.
 */
import { readFileSync } from 'node:fs'
import { copyHeader, copyTrailer } from '../../db/copy-in.js'
import type { CountedDays, DayZone } from '../../rollups/counted-days.js'
import type { PlainRecords, ReadRange, RowTarget } from '../split/chunk.js'
import type { DirectPlan } from './plan.js'

export const kernelLimits = {
  /** A record that is longer is left to PostgreSQL. */
  recordBytes: 256 * 1024,
  /** Chunks may be as large; larger ones are left to PostgreSQL, too. */
  chunkBytes: 32 * 1024 * 1024,
  /** What counting users and days may take; PostgreSQL counts what needs more. */
  dayBytes: 64 * 1024 * 1024,
} as const

/** What of WebAssembly is used. Its types come with those of browsers only. */
export interface Wasm {
  readonly Memory: new (size: {
    readonly initial: number
  }) => {
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  readonly Module: new (code: Buffer) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}

interface Cell {
  readonly value: number
}

/** What the kernel exports: addresses and counts. */
interface Exports {
  readonly limit: (recordBytes: number, latest: bigint, isUtc: boolean) => void
  readonly place: (records: number, order: number, spare: number, rows: number, rowsEnd: number) => void
  readonly setDelimited: (delimiter: number, quote: number, fields: number, roles: number) => void
  readonly setNames: (names: number) => void
  readonly readRecords: (
    isJson: boolean,
    from: number,
    end: number,
    target: number,
    most: number,
    isLast: boolean,
  ) => number
  readonly sortById: (count: number) => void
  readonly beginRows: () => void
  readonly rowsBytes: (count: number, isStaged: boolean) => number
  readonly writeRows: (count: number, isStaged: boolean, batchId: bigint) => number
  readonly beginDays: (from: number, to: number, zone: number, zoneCount: number) => void
  readonly countDays: (count: number) => void
  readonly sortDays: () => number
  readonly writeDays: (ofTypes: boolean) => number
  readonly counted: Cell
  readonly isCounting: Cell
  readonly nextDay: Cell
  readonly stop: Cell
  readonly repeats: Cell
  readonly nextRow: Cell
}

const pageBytes = 64 * 1024
/** The kernel's own data lies below. */
const firstFree = 128 * 1024
/** What a read or a copy of 16 bytes may touch after the end. */
const slackBytes = 64
const recordSize = 64
const rowsRoom = 2 * kernelLimits.recordBytes
/** No record that is taken is shorter: an id and a time alone have 55 bytes. */
const shortestRecord = 58
const nameRoom = 64
/** Where counting has its room, after names and roles. */
const dayOffset = 6 * nameRoom + pageBytes

export class Kernel {
  readonly #memory: InstanceType<Wasm['Memory']>
  readonly #exports: Exports
  #heap: Buffer
  #plan: DirectPlan | undefined
  #source = 0
  #sourceRoom = 0
  #recordsRoom = 0
  #rows = 0
  #count = 0
  #held: PlainRecords | undefined
  #days: object | undefined

  constructor(wasm: Wasm, code: Buffer) {
    this.#memory = new wasm.Memory({ initial: firstFree / pageBytes })
    const env = { memory: this.#memory }
    this.#exports = new wasm.Instance(new wasm.Module(code), { env }).exports as unknown as Exports
    this.#heap = Buffer.from(this.#memory.buffer)
  }

  /** Records as long as they are plain; undefined when one is not, or when so many bytes are too many. */
  read(plan: DirectPlan, bytes: Buffer, { from, end, target, most, isLast }: ReadRange): PlainRecords | undefined {
    this.#held = undefined
    if (end - from > kernelLimits.chunkBytes + kernelLimits.recordBytes) return undefined
    const records = Math.min(most, Math.ceil((end - from) / shortestRecord) + 1)
    this.#makeRoom(end - from, records)
    this.#set(plan)
    const source = this.#source
    bytes.copy(this.#heap, source, from, end)
    this.#heap.fill(0x0a, source + end - from, source + end - from + 1)
    const bounds = [source, source + end - from, source + target - from, records, isLast] as const
    const count = this.#exports.readRecords(plan.kind === 'lines', ...bounds)
    this.#count = Math.max(0, count)
    this.#held = count > 0 ? { count, stop: this.#exports.stop.value - source + from } : undefined
    return this.#held
  }

  /** Whether these are the records that were read last. */
  holds(records: PlainRecords): boolean {
    return records === this.#held
  }

  /** Puts the records that were read last into the order of their ids. @returns how many have the id of an earlier one */
  sort(): number {
    this.#exports.sortById(this.#count)
    return this.#exports.repeats.value
  }

  /**
   * The records that were read and sorted last, as COPY takes them with `FORMAT binary`.
   *
   * @param room a buffer that may be used for it
   */
  rows(target: RowTarget, room?: Buffer): Buffer {
    const isStaged = target.kind === 'staging'
    const batchId = target.kind === 'events' ? BigInt(target.batchId) : 0n
    const length = copyHeader.length + this.#exports.rowsBytes(this.#count, isStaged) + copyTrailer.length
    const out = room !== undefined && room.length >= length ? room : Buffer.allocUnsafeSlow(Math.ceil(length * 1.1))
    let at = copyHeader.copy(out)
    this.#exports.beginRows()
    while (this.#exports.nextRow.value < this.#count) {
      const written = this.#exports.writeRows(this.#count, isStaged, batchId)
      at += this.#heap.copy(out, at, this.#rows, this.#rows + written)
    }
    at += copyTrailer.copy(out, at)
    if (at !== length) throw new Error(`the kernel wrote ${at} bytes instead of ${length}`)
    return out.subarray(0, length)
  }

  /** Begins to count the events of each user and day; what is counted for somebody else is lost. */
  beginDays(zone: DayZone, owner: object): void {
    const from = firstFree + dayOffset
    this.#grow(from + kernelLimits.dayBytes)
    for (const [index, { from: instant, offset }] of zone.offsets.entries()) {
      this.#heap.writeBigInt64LE(instant, from + 16 * index)
      this.#heap.writeBigInt64LE(offset, from + 16 * index + 8)
    }
    const first = aligned(from + 16 * zone.offsets.length)
    this.#exports.beginDays(first, from + kernelLimits.dayBytes, from, zone.offsets.length)
    this.#days = owner
  }

  /** Counts the events of the records that were read last. */
  countDays(owner: object): void {
    if (this.#days === owner && this.#exports.isCounting.value) this.#exports.countDays(this.#count)
  }

  /** What was counted, once; undefined when it is lost, or was too much. */
  takeDays({ reportingTz }: DayZone, owner: object): CountedDays | undefined {
    if (this.#days !== owner) return undefined
    this.#days = undefined
    const { isCounting, counted, sortDays } = this.#exports
    if (!isCounting.value || !sortDays()) return undefined
    const piecesOf = (ofTypes: boolean) => this.#dayRows(ofTypes)
    return { reportingTz, events: counted.value >>> 0, users: () => piecesOf(false), eventTypes: () => piecesOf(true) }
  }

  *#dayRows(ofTypes: boolean): Generator<Buffer> {
    yield copyHeader
    for (;;) {
      const written = this.#exports.writeDays(ofTypes)
      if (written === 0) break
      yield Buffer.from(this.#heap.subarray(this.#rows, this.#rows + written))
    }
    yield copyTrailer
  }

  /** Names, roles and days first, then the source, then what its size decides. */
  #makeRoom(source: number, wanted: number): void {
    if (source <= this.#sourceRoom && wanted <= this.#recordsRoom) return
    const sourceBytes = Math.max(source, this.#sourceRoom)
    const records = Math.max(wanted, this.#recordsRoom)
    this.#source = firstFree + dayOffset + kernelLimits.dayBytes
    const atRecords = aligned(this.#source + sourceBytes + slackBytes)
    const atOrder = aligned(atRecords + records * recordSize)
    const atSpare = aligned(atOrder + records * 4)
    this.#rows = aligned(atSpare + records * 4)
    const end = this.#rows + rowsRoom + slackBytes
    this.#grow(end)
    this.#exports.place(atRecords, atOrder, atSpare, this.#rows, this.#rows + rowsRoom)
    this.#sourceRoom = sourceBytes
    this.#recordsRoom = records
    this.#plan = undefined
  }

  #grow(end: number): void {
    const missing = Math.ceil((end - this.#memory.buffer.byteLength) / pageBytes)
    if (missing > 0) this.#memory.grow(missing)
    this.#heap = Buffer.from(this.#memory.buffer)
  }

  #set(plan: DirectPlan): void {
    if (this.#plan === plan) return
    const { limit, setDelimited, setNames } = this.#exports
    limit(Math.min(plan.maxRecordBytes, kernelLimits.recordBytes), plan.latestMicros, plan.isUtc)
    if (plan.kind === 'delimited') {
      const roles = firstFree + 6 * nameRoom
      this.#heap.set(plan.roles, roles)
      setDelimited(plan.delimiter, plan.quote ?? 256, plan.roles.length, roles)
    } else {
      for (const [role, name] of plan.names.entries()) {
        const at = firstFree + (role + 1) * nameRoom
        this.#heap.writeUInt32LE(name.length, at)
        name.copy(this.#heap, at + 4)
      }
      setNames(firstFree)
    }
    this.#plan = plan
  }
}

function aligned(at: number): number {
  return Math.ceil(at / 16) * 16
}

const trialRecord = Buffer.from(
  '{"i":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","t":"2025-01-31T10:20:30Z","u":"u","e":"e","p":{}}\n',
)
const trialPlan: DirectPlan = {
  kind: 'lines',
  names: ['i', 't', 'u', 'e', 'p'].map((name) => Buffer.from(name)),
  maxRecordBytes: 1000,
  latestMicros: 2n ** 60n,
  isUtc: true,
}

/**
 * A kernel from a file, which has read a record.
 *
 * @throws Error when the file is not there, not whole or of another release, or when there is no memory for it
 */
export function loadKernel(file: URL | string, wasm: Wasm): Kernel {
  const loaded = new Kernel(wasm, readFileSync(file))
  const end = trialRecord.length
  const read = loaded.read(trialPlan, trialRecord, { from: 0, end, target: end, most: 1, isLast: true })
  if (read?.stop !== end) throw new Error('kernel.wasm cannot read a plain record')
  return loaded
}

let kernel: Kernel | undefined
let fault: string | undefined

/** The kernel of this process, loaded when it is first asked for; undefined where there is none that works. */
export function theKernel(): Kernel | undefined {
  const wasm = (globalThis as { readonly WebAssembly?: Wasm }).WebAssembly
  if (wasm === undefined || fault !== undefined) return undefined
  try {
    kernel ??= loadKernel(new URL('kernel.wasm', import.meta.url), wasm)
  } catch (error) {
    giveUpKernel(error)
  }
  return kernel
}

/** From now on this process has no kernel: it cannot be loaded, or ended in the middle of its work. */
export function giveUpKernel(error: unknown): void {
  kernel = undefined
  fault = (error as Error).message
}

/** Why there is no kernel although Node could run one: a sentence for people. */
export function kernelFault(): string | undefined {
  return fault === undefined
    ? undefined
    : `Plain records are staged like all others, which takes longer: the kernel that reads them does not work (${fault}). To have it again, install event-analytics again.`
}
