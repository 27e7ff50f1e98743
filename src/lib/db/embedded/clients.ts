/**
 * Who uses the server: one file per use, with the process in it. The last one to end stops the server; files of killed
 * processes count for nothing and are swept.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isAbandoned, isOld, keepFresh } from '../../os/liveness.js'
import { type ProcessIdentity, thisProcess } from '../../os/process-identity.js'
import { type EmbeddedPaths, makeFolders } from './paths.js'

export interface ClientRegistration {
  /** Says that this use is over. Safe to call twice. */
  end(): void
}

/** Says that this process uses the server of `place` from now on. Creates the folders when they are missing. */
export function registerClient(place: EmbeddedPaths): ClientRegistration {
  const path = join(place.users, `${process.pid}-${randomBytes(6).toString('hex')}`)
  let file: number
  try {
    file = openSync(path, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    makeFolders(place)
    file = openSync(path, 'wx')
  }
  try {
    writeSync(file, JSON.stringify(thisProcess()))
    chmodSync(path, 0o644)
  } catch (error) {
    // On a full disk the file stays empty: it counts as long as it is fresh.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
  const rest = keepFresh(path)
  return {
    end() {
      rest()
      rmSync(path, { force: true })
    },
  }
}

/** The processes that use the server now, one entry per use. Sweeps the files of those that are gone. */
export function livingClients(place: EmbeddedPaths): ProcessIdentity[] {
  const living: ProcessIdentity[] = []
  for (const name of entries(place.users)) {
    const path = join(place.users, name)
    const who = read(path)
    if (who === undefined ? isOld(path) : isAbandoned(who, path)) rmSync(path, { force: true })
    else living.push(who ?? { host: '', bootId: '', pid: Number.parseInt(name, 10), processStart: '' })
  }
  return living
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Undefined while it is being written. */
function read(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity
  } catch {
    return undefined
  }
}
