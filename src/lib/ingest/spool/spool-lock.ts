/** One process at a time has a spool; the lock of one that died is free. The lock itself is that of the embedded server. */
import { type Lock, lockHolder, tryLock } from '../../db/embedded/lock.js'
import { asFolderError } from '../../db/embedded/place.js'
import { EaError } from '../../errors.js'
import { asSpoolFull } from './disk.js'

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
