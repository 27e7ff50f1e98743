/** COPY into a table, from pieces that are made on the way. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { failpoint } from '../core/failpoint.js'
import { slicesOf } from '../core/in-turns.js'
import type { Transaction } from './connect.js'

/** What `FORMAT binary` begins with, and ends with. */
export const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
export const copyTrailer = Buffer.from([0xff, 0xff])

/** @returns how many rows PostgreSQL has copied */
export async function copyIn(tx: Transaction, statement: string, data: Iterable<Buffer>): Promise<number> {
  const copy = tx.client.query(copyFrom(statement))
  failpoint('copy.started')
  await pipeline(Readable.from(inParts(data), { highWaterMark: 1 }), copy)
  failpoint('copy.ended')
  return copy.rowCount ?? 0
}

/** One part is on its way at a time: a large body has its turn with others. */
async function* inParts(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    for (const part of slicesOf(piece)) yield part
  }
}
