/**
 * What an error left of a batch, when the lease or the connection was lost in the middle: the batch itself is asked, and
 * the error then says what is true of it and what to do.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EaError } from '../core/errors.js'
import { type Database, isTransient } from '../db/connect.js'
import { asDatabaseError } from '../db/database-error.js'
import type { Batch } from './batch.js'
import { getBatch } from './batches.js'
import { isLeaseLost, type Lease } from './lease.js'

/** How long a server that is away is asked again. */
const patienceMs = 10_000
const pollMs = 250

/** The batch as it is now, also when the server is just coming back; undefined when it does not answer. */
export async function batchAfterLoss(db: Database, batchId: number): Promise<Batch | undefined> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      return await getBatch(db, batchId)
    } catch (error) {
      if (!isTransient(error) || performance.now() >= deadline) return undefined
      await sleep(pollMs)
    }
  }
}

/**
 * Runs `body`; a lease or a connection that was lost meanwhile becomes an error that says what became of the batch.
 *
 * @param doing what was under way
 */
export async function tellingWhatIsLeft<T>(
  db: Database,
  lease: Lease,
  batch: Pick<Batch, 'id' | 'source'>,
  doing: 'import' | 'undo',
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body()
  } catch (error) {
    const isLost = error instanceof EaError ? error.code === 'lease_lost' : isTransient(error)
    if (!isLost) throw error
    const now = await batchAfterLoss(db, batch.id)
    const isLease = error instanceof EaError || (await isLeaseLost(db, lease.token))
    const { left, next } = now === undefined ? unknownState(batch.id) : stateAfter[doing](now)
    const why = isLease
      ? 'Another process took the lease, because this one did not answer for 15 seconds.'
      : `The connection to the database was lost: ${textOf(error)}.`
    throw new EaError(isLease ? 'lease_lost' : 'database_unreachable', `${why} ${left}`, {
      suggestions: [next],
      details: { batch: batch.id, batch_status: now?.status ?? null },
      cause: error,
    })
  }
}

function textOf(error: unknown): string {
  const told = asDatabaseError(error)
  return (told as Error).cause instanceof Error ? ((told as Error).cause as Error).message : (error as Error).message
}

interface Left {
  readonly left: string
  readonly next: string
}

function unknownState(id: number): Left {
  return {
    left: `What became of batch ${id} cannot be read now: it is either as it was or done as a whole.`,
    next: 'Run the same command again when the database answers: it goes on where this one stopped.',
  }
}

const stateAfter: Record<'import' | 'undo', (batch: Batch) => Left> = {
  import({ id, status, source }) {
    switch (status) {
      case 'loading':
        return source === 'stdin'
          ? {
              left: `Nothing of batch ${id} counts, and the next import removes it.`,
              next: 'Standard input cannot be resumed: pipe it in again, and it begins anew.',
            }
          : {
              left: `What is merged of batch ${id} is kept; nothing of it counts before it is complete.`,
              next: 'Run the same command again: it continues where this one stopped.',
            }
      case 'completed':
        return {
          left: `Batch ${id} is complete all the same: its events count.`,
          next: `There is nothing left to do: \`ea batches show ${id}\`.`,
        }
      default:
        return {
          left: `Batch ${id} was discarded meanwhile: nothing of it is stored.`,
          next: 'Run the same command again: it imports from the beginning.',
        }
    }
  },
  undo({ id, status }) {
    return status === 'undone'
      ? { left: `Batch ${id} is undone all the same.`, next: `There is nothing left to do: \`ea batches show ${id}\`.` }
      : {
          left: `Batch ${id} is as it was before: its events still count.`,
          next: 'Run the same command again: it undoes the batch then.',
        }
  },
}
