/**
 * The short way of a run of many records: plain ones go straight into `events` (load/direct). An id that is stored already ends
 * it, and then the run takes the way of all others, which tells record by record what became of it.
 */
import { limits } from '../core/event.js'
import type { Transaction } from '../db/connect.js'
import { copyHeader, copyIn } from '../db/copy-in.js'
import { directPlanOf } from '../load/direct/plan.js'
import type { Rows } from '../load/split/chunk.js'
import type { ValidationRules } from '../load/sql/validation-sql.js'
import { copyToEvents } from '../load/stage.js'
import { isOfProperty, readOnDemandRollups } from '../rollups/sql/on-demand.js'
import type { CommitRequest } from './body/request.js'
import { createStored } from './merge.js'

/** The good records of each request, all of them plain. */
export class PlainRun {
  readonly #requests: readonly (readonly Rows[])[]

  private constructor(requests: readonly (readonly Rows[])[]) {
    this.#requests = requests
  }

  /** @returns undefined when a record is not plain */
  static async of(
    run: readonly CommitRequest[],
    rules: ValidationRules,
    timezone: string,
  ): Promise<PlainRun | undefined> {
    const plan = directPlanOf({ kind: 'lines' }, rules, timezone, limits.recordMaxBytes)
    if (plan === undefined) return undefined
    const { plainRows } = await import('../load/direct/plain-lines.js')
    const requests: Rows[][] = []
    for (const { chunk } of run) {
      const rows = await plainRows(plan, chunk.copyData, chunk.good)
      if (rows === undefined) return undefined
      requests.push(rows)
    }
    return new PlainRun(requests)
  }

  /**
   * Stores the records, and keeps in `ea_stored` what the rollups have to add. The caller holds the visibility lock.
   *
   * @param batchIds of each request; null leaves its records out
   * @throws the server's unique violation when an id is stored already, or comes twice in the run
   * @throws the server's data error when properties are no JSON
   */
  async store(tx: Transaction, batchIds: readonly (number | null)[]): Promise<void> {
    await createStored(tx)
    const withProperties = (await readOnDemandRollups(tx)).some(isOfProperty)
    const columns = `occurred_at, user_id, event_type${withProperties ? ', properties' : ''}`
    for (const [request, pieces] of this.#requests.entries()) {
      const batchId = batchIds[request] ?? null
      if (batchId === null) continue
      for (const rows of pieces) {
        const stored = inBatch(rows.data, batchId, withProperties)
        await copyToEvents(tx, rows)
        await copyIn(tx, `COPY pg_temp.ea_stored (${columns}) FROM STDIN WITH (FORMAT binary)`, [stored])
      }
    }
  }
}

/** A field has its length in front of it. */
const lengthBytes = 4
const idBytes = lengthBytes + 16
const timeBytes = lengthBytes + 8
const batchBytes = lengthBytes + 8

/**
 * Writes the batch into rows for `events` (id, time, batch, user, type, properties).
 *
 * @returns of the same rows what rollups need: time, user and type, and the properties where one needs them
 */
function inBatch(rows: Buffer, batchId: number, withProperties: boolean): Buffer {
  const batch = BigInt(batchId)
  const out = Buffer.allocUnsafeSlow(rows.length)
  let to = rows.copy(out, 0, 0, copyHeader.length)
  // Byte by byte: to call for a copy of so few takes longer.
  const take = (from: number, end: number) => {
    for (let at = from; at < end; at++) out[to++] = rows[at]!
  }
  let at = copyHeader.length
  while (rows.readInt16BE(at) !== -1) {
    const time = at + 2 + idBytes
    const user = time + timeBytes + batchBytes
    const type = user + lengthBytes + rows.readInt32BE(user)
    const properties = type + lengthBytes + rows.readInt32BE(type)
    at = properties + lengthBytes + Math.max(0, rows.readInt32BE(properties))
    rows.writeBigInt64BE(batch, user - 8)
    to = out.writeInt16BE(withProperties ? 4 : 3, to)
    take(time, time + timeBytes)
    take(user, withProperties ? at : properties)
  }
  take(at, at + 2)
  return out.subarray(0, to)
}
