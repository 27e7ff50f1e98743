/**
 * Bytes for the kernel that nobody thought of: hostile records, written and then mutated. What it takes is read the other way, too,
 * through staging, and compared in every column. An input that fails is made as short as it can be.
 */
import fc from 'fast-check'
import { sql } from 'kysely'
import { type Database, type Transaction, withTransaction } from '../../../src/lib/db/connect.js'
import { withSavepoint } from '../../../src/lib/db/savepoint.js'
import type { Kernel } from '../../../src/lib/load/direct/kernel.js'
import { type DirectPlan, directPlanOf } from '../../../src/lib/load/direct/plan.js'
import { stageForValidation } from '../../../src/lib/load/load-chunk.js'
import { resolveMapping } from '../../../src/lib/load/mapping/mapping.js'
import type { Chunk, PlainReader } from '../../../src/lib/load/split/chunk.js'
import { copyOptions } from '../../../src/lib/load/split/copy.js'
import { split } from '../../../src/lib/load/split/split.js'
import { validationSql } from '../../../src/lib/load/sql/validation-sql.js'
import { dropStaging, stagedRows, stageRows, staging } from '../../../src/lib/load/stage.js'
import { type Input, inputsOf, Random, type Reading } from './fuzz-inputs.js'
import { names, shapeOf, writing } from './hostile.js'

/** Records that the kernel took from one input, as the source has them, and the row of each. */
interface Taken {
  readonly input: Input
  readonly raw: Buffer
  readonly row: Buffer
}

/** How much was tried. */
export interface Fuzzed {
  readonly inputs: number
  readonly records: number
}

const latest = new Date('2027-01-01T00:00:00Z')
/** Reads with one kernel, and tries every chunk. */
function readerOf(kernel: Kernel, plan: DirectPlan): PlainReader {
  return {
    read: (bytes, range) => kernel.read(plan, bytes, range),
    rows(bytes, range, { count }, target) {
      if (kernel.read(plan, bytes, range)?.count !== count)
        throw new Error('the kernel reads other records the second time')
      const repeats = kernel.sort()
      return { data: kernel.rows(target), count, repeats }
    },
    release() {},
    countedDays: () => undefined,
  }
}

const rulesOf = ({ how }: Reading) => {
  const shape = shapeOf(how)
  const columns = shape.kind === 'delimited' ? how.order.map((index) => names[index]!) : null
  return { shape, rules: { mapping: resolveMapping({ columns }), timeFormat: { kind: 'auto' }, latest } as const }
}

const borderOf = ({ byteFrom, byteTo, records, good }: Chunk) => `${byteFrom}-${byteTo}: ${good} of ${records}`

async function* sourceOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

/**
 * The records of an input that the kernel takes.
 *
 * @throws Error when the scanner finds other chunks
 */
async function takenFrom(kernel: Kernel, reading: Reading, input: Input): Promise<Taken[]> {
  const { shape, rules } = rulesOf(reading)
  const maxRecordBytes = 1 << 24
  const options = { shape, chunkBytes: input.chunkBytes, maxRecordBytes, headerBytes: 0, headerLines: 0 }
  const plain = readerOf(kernel, directPlanOf(shape, rules, reading.timezone, maxRecordBytes)!)
  const scanned: string[] = []
  for await (const chunk of split(sourceOf(input.bytes), options)) scanned.push(borderOf(chunk))
  const taken: Taken[] = []
  const found: string[] = []
  for await (const chunk of split(sourceOf(input.bytes), { ...options, plain })) {
    found.push(borderOf(chunk))
    if (!chunk.isPlain) continue
    for (const row of rowsIn(chunk.rows({ kind: 'staging' }).data)) {
      taken.push({ input, raw: Buffer.from(chunk.goodRecord(row.readInt32BE(placeOffset)).raw), row })
    }
  }
  if (`${found}` !== `${scanned}`)
    throw new Error(`the chunks are ${found.join(', ')}, and scanned ${scanned.join(', ')}`)
  return taken
}

const headerBytes = 19
/** Of the place in a row for staging: after the number of fields and the length of the first one. */
const placeOffset = 6

/** Copies of the rows of COPY's binary format. */
function rowsIn(data: Buffer): Buffer[] {
  const rows: Buffer[] = []
  for (let at = headerBytes; data.readInt16BE(at) !== -1; ) {
    const from = at
    at += 2
    for (let field = 0; field < data.readInt16BE(from); field++) at += 4 + Math.max(0, data.readInt32BE(at))
    rows.push(Buffer.from(data.subarray(from, at)))
  }
  return rows
}

function copied(header: Buffer, rows: readonly (readonly [n: number, row: Buffer])[]): Parameters<typeof stageRows>[1] {
  for (const [n, row] of rows) row.writeInt32BE(n, placeOffset)
  return {
    data: Buffer.concat([header, ...rows.map(([, row]) => row), Buffer.from([0xff, 0xff])]),
    count: rows.length,
    repeats: 0,
  }
}

const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])

interface Fault {
  readonly taken: Taken
  readonly what: string
}

/** The first record that is another one when it is staged. */
async function firstFault(db: Database, reading: Reading, all: readonly Taken[]): Promise<Fault | undefined> {
  if (all.length === 0) return undefined
  const { shape, rules } = rulesOf(reading)
  const content = Buffer.concat(all.flatMap(({ raw }) => [raw, Buffer.from('\n')]))
  const options = { shape, chunkBytes: content.length + 1, maxRecordBytes: 1 << 24, headerBytes: 0, headerLines: 0 }
  const context = { rules, shape, timezone: reading.timezone, copyOptions: copyOptions(shape), expects: 'new' as const }
  for await (const chunk of split(sourceOf(content), options)) {
    if (chunk.good !== all.length)
      return { taken: all[0]!, what: `${all.length} records are ${chunk.good} when staged` }
    return withTransaction(db, async (tx) => {
      const staged = await stageForValidation(tx, { ...context, mode: 'bisect' }, chunk, 'bisect')
      const judged = validationSql(staging, rules, { ...staged, numbered: true })
      await sql`CREATE TEMP TABLE as_text ON COMMIT DROP AS SELECT * FROM (${judged}) judged`.execute(tx.q)
      await dropStaging(tx)
      const { rows } = await sql<{ n: number; code: string }>`
        SELECT n, code FROM as_text WHERE code IS NOT NULL`.execute(tx.q)
      const rejected = new Map(rows.map(({ n, code }) => [n, code]))
      for (const { n, code } of staged.refusals) rejected.set(n, code)
      for (const [n, code] of rejected) {
        // Only what COPY refuses may be left to it.
        const isStored = await isCopied(tx, all[n - 1]!)
        if (isStored) return { taken: all[n - 1]!, what: `a reject (${code}) is stored` }
      }
      const good = all.flatMap(({ row }, index) => (rejected.has(index + 1) ? [] : [[index + 1, row] as const]))
      try {
        await withSavepoint(tx, () => stageRows(tx, copied(header, good)))
      } catch (error) {
        const refused = await firstRefused(tx, all, rejected)
        return {
          taken: refused ?? all[0]!,
          what: `COPY refuses what is stored when staged: ${(error as Error).message}`,
        }
      }
      return firstDifference(tx, all)
    })
  }
  return undefined
}

async function isCopied(tx: Transaction, { row }: Taken): Promise<boolean> {
  try {
    await withSavepoint(tx, () => stageRows(tx, copied(header, [[1, row]])))
    await dropStaging(tx)
    return true
  } catch {
    return false
  }
}

async function firstRefused(tx: Transaction, all: readonly Taken[], rejected: ReadonlyMap<number, string>) {
  for (const [index, one] of all.entries()) if (!rejected.has(index + 1) && !(await isCopied(tx, one))) return one
  return undefined
}

async function firstDifference(tx: Transaction, all: readonly Taken[]): Promise<Fault | undefined> {
  const { rows } = await sql<{ n: number; staged: unknown; direct: unknown }>`
    SELECT a.n, to_json(a) AS staged, to_json(b) AS direct
      FROM as_text a LEFT JOIN (${stagedRows}) b ON a.n = b.n
     WHERE a.code IS NULL
       AND (a.event_id, a.occurred_at, a.user_id, a.event_type, a.properties::text)
           IS DISTINCT FROM (b.event_id, b.occurred_at, b.user_id, b.event_type, b.properties::text)
     ORDER BY a.n LIMIT 1`.execute(tx.q)
  const [first] = rows
  return first && { taken: all[first.n - 1]!, what: JSON.stringify(first) }
}

/** What is wrong with one input; undefined when nothing is. */
async function faultOf(db: Database, kernel: Kernel, reading: Reading, input: Input): Promise<string | undefined> {
  try {
    return (await firstFault(db, reading, await takenFrom(kernel, reading, input)))?.what
  } catch (error) {
    return (error as Error).message
  }
}

/** The input without every run of bytes that its fault does not need. */
async function shrunk(db: Database, kernel: Kernel, reading: Reading, input: Input): Promise<Input> {
  let least = input
  for (let run = input.bytes.length >> 1; run > 0; run = run >> 1) {
    for (let at = 0; at + run <= least.bytes.length; ) {
      const bytes = Buffer.concat([least.bytes.subarray(0, at), least.bytes.subarray(at + run)])
      if ((await faultOf(db, kernel, reading, { ...least, bytes })) === undefined) at += run
      else least = { ...least, bytes }
    }
  }
  return least
}

/**
 * Tries inputs for some time.
 *
 * @throws Error with the seed, how the input is read, and its bytes in hexadecimal
 */
export async function fuzz(db: Database, kernel: Kernel, seed: number, milliseconds: number): Promise<Fuzzed> {
  const until = performance.now() + milliseconds
  let [inputs, records] = [0, 0]
  for (let round = 0; performance.now() < until; round++) {
    const roundSeed = seed + round
    const random = new Random(roundSeed)
    const [how] = fc.sample(writing, { seed: roundSeed, numRuns: 1 })
    const reading = { how: how!, timezone: random.of(['UTC', 'UTC', 'Europe/Kyiv']) }
    const taken: Taken[] = []
    const given = inputsOf(reading, roundSeed, random)
    let failing: Input | undefined
    for (const input of given) {
      try {
        taken.push(...(await takenFrom(kernel, reading, input)))
      } catch {
        failing ??= input
      }
    }
    failing ??= (await firstFault(db, reading, taken))?.taken.input
    if (failing !== undefined) await tell(db, kernel, reading, failing, roundSeed)
    inputs += given.length
    records += taken.length
  }
  return { inputs, records }
}

async function tell(db: Database, kernel: Kernel, reading: Reading, input: Input, seed: number): Promise<never> {
  const least = await shrunk(db, kernel, reading, input)
  const what = await faultOf(db, kernel, reading, least)
  throw new Error(
    [
      `seed ${seed}: ${what ?? 'only together with other inputs of the round'}`,
      `read as ${JSON.stringify({ ...reading, chunkBytes: least.chunkBytes })}`,
      `bytes ${least.bytes.toString('hex')}`,
      `as text ${JSON.stringify(least.bytes.toString())}`,
    ].join('\n'),
  )
}
