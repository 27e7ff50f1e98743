/** A part of a transaction that can be taken back by itself. */
import type { Transaction } from './connect.js'

/**
 * Runs `body` inside a transaction; what it throws takes back only what it did.
 *
 * @example
 * await withSavepoint(tx, () => mergeChunk(tx, context, chunk, approach))
 */
export async function withSavepoint<T>(tx: Transaction, body: () => Promise<T>): Promise<T> {
  await tx.client.query('SAVEPOINT part')
  try {
    return await body()
  } catch (error) {
    await tx.client.query('ROLLBACK TO SAVEPOINT part')
    throw error
  } finally {
    await tx.client.query('RELEASE SAVEPOINT part')
  }
}
