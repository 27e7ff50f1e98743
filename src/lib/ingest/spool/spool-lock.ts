/** One process at a time has a spool; the lock of one that died is free. The lock itself is that of the embedded server. */

import { EaError } from '../../core/errors.js'
import { asFolderError } from '../../db/embedded/paths.js'
import { asSpoolFull } from '../../os/durable-files.js'
import { type Lock, lockHolder, tryLock } from '../../os/numbered-lock.js'

/**
 * Takes the lock of a spool.
 *
 * @throws EaError `spool_in_use`, `spool_full`, `data_dir_unwritable`
 */
export function takeSpoolLock(folder: string): Lock {
  let lock: Lock | undefined
  try {
    lock = tryLock(folder)
  } catch (error) {
    throw asFolderError(asSpoolFull(error, folder), folder)
  }
  if (lock !== undefined) return lock
  const pid = spoolHolderPid(folder)
  throw new EaError(
    'spool_in_use',
    `Another process${pid === null ? '' : ` (pid ${pid})`} holds the spool ${folder}.`,
    {
      details: { pid },
    },
  )
}

/** The process that has the spool now; null when nobody has. */
export function spoolHolderPid(folder: string): number | null {
  return lockHolder(folder)?.pid ?? null
}
