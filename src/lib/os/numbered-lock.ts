/**
 * The folder holds what needs the operating system: locks, who a process is, files that are durable or appear whole.
 *
 *   process identity ─ numbered lock ─ work;  text ─ temporary file ─ sync ─ rename
 *
 * One process at a time may initialise, start or stop a server. Node has no flock, so a lock is the highest of the
 * numbered files `lock.1`, `lock.2`, …: it names its holder, and it is free when it is empty or its holder is gone.
 *
 * To take a free lock is to create the next number, by link(), which only one can. The dead do not come back and the
 * highest number is never removed, so a slow process that judged an old number can at most create a number below the
 * highest; it looks again, sees that, and withdraws. Nobody ever removes a lock in order to take it, which is where
 * lock files race. `test/db/embedded-lock.proof.test.ts` lets processes fight for one and kills them.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, readdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EaError } from '../core/errors.js'
import { isAbandoned, keepFresh } from './liveness.js'
import { type ProcessIdentity, thisProcess } from './process-identity.js'

export interface Lock {
  release(): void
}

/** Old numbers that stay, so that a listing that runs beside a takeover always sees one that is nearly the highest. */
const keptNumbers = 4
const waitMs = 10 * 60_000

/**
 * Waits for the lock of a folder and holds it while `body` runs.
 *
 * @throws EaError `embedded_start_failed` when a living process has held it for ten minutes
 */
export async function withLock<T>(folder: string, body: () => Promise<T>): Promise<T> {
  const startedMs = Date.now()
  let lock = tryLock(folder)
  while (lock === undefined) {
    if (Date.now() - startedMs > waitMs) {
      const pid = holder(folder, highest(folder))?.pid
      throw new EaError(
        'embedded_start_failed',
        `Another command (pid ${pid}) has been starting or stopping the database for ten minutes.`,
        { suggestions: [`Look at process ${pid}; when it is stuck, end it and run this again.`] },
      )
    }
    await sleep(5 + Math.random() * 15)
    lock = tryLock(folder)
  }
  try {
    return await body()
  } finally {
    lock.release()
  }
}

/** Takes the lock if nobody has it. */
export function tryLock(folder: string): Lock | undefined {
  for (;;) {
    const seen = highest(folder)
    if (isHeld(folder, seen)) return undefined
    const mine = seen + 1
    if (!create(folder, mine)) continue
    if (highest(folder) !== mine) {
      remove(join(folder, `lock.${mine}`))
      continue
    }
    sweep(folder, mine)
    const path = join(folder, `lock.${mine}`)
    const rest = keepFresh(path)
    return {
      release() {
        rest()
        // Needs no space, so it works on a full disk too.
        truncateSync(path)
      },
    }
  }
}

/** Whether a living process holds the lock now. */
export function isLocked(folder: string): boolean {
  return lockHolder(folder) !== undefined
}

/** The living process that holds the lock now; undefined when nobody does. */
export function lockHolder(folder: string): ProcessIdentity | undefined {
  const number = highest(folder)
  return isHeld(folder, number) ? holder(folder, number) : undefined
}

function isHeld(folder: string, number: number): boolean {
  if (number === 0) return false
  const by = holder(folder, number)
  return by !== undefined && !isAbandoned(by, join(folder, `lock.${number}`))
}

/** Who a number names; undefined when it is free. */
function holder(folder: string, number: number): ProcessIdentity | undefined {
  const text = read(join(folder, `lock.${number}`))
  return text === '' ? undefined : (JSON.parse(text) as ProcessIdentity)
}

/** The highest number, 0 when there is none. */
function highest(folder: string): number {
  return Math.max(0, ...numbers(folder))
}

function numbers(folder: string): number[] {
  return readdirSync(folder)
    .filter((name) => /^lock\.\d+$/.test(name))
    .map((name) => Number(name.slice('lock.'.length)))
}

/** Creates a number with this process's name in it, whole or not at all; false when it exists. */
function create(folder: string, number: number): boolean {
  const draft = join(folder, `draft-${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    writeFileSync(draft, JSON.stringify(thisProcess()))
    // Whoever else may use the folder must be able to read it: `sudo ea` beside `ea`.
    chmodSync(draft, 0o644)
    linkSync(draft, join(folder, `lock.${number}`))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    remove(draft)
  }
}

/** Removes old numbers and what killed processes drafted. */
function sweep(folder: string, mine: number): void {
  for (const number of numbers(folder)) if (number <= mine - keptNumbers) remove(join(folder, `lock.${number}`))
  for (const name of readdirSync(folder)) {
    const pid = /^draft-(\d+)-/.exec(name)?.[1]
    if (
      pid !== undefined &&
      isAbandoned({ ...thisProcess(), pid: Number(pid), processStart: '' }, join(folder, name))
    ) {
      remove(join(folder, name))
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
