/**
 * The folder of the server's socket: only the server's account can enter it. It lies in the data folder; where that
 * path is too long for a socket, in a folder of its own below the system's temporary folder. Nobody computes where it
 * is: commands read it in `postmaster.pid`.
 */
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { give, type OsUser } from './os-user.js'
import type { EmbeddedPaths } from './paths.js'

/** The longest path of a socket, in bytes. */
const maxPathBytes = process.platform === 'linux' ? 107 : 103

/** Makes the folder, or finds it as it must be. */
export function makeSocketDir(place: EmbeddedPaths, account: OsUser | undefined): string {
  if (fits(place.socketDir)) {
    mkdirSync(place.socketDir, { recursive: true, mode: 0o700 })
    chmodSync(place.socketDir, 0o700)
    give(place.socketDir, account)
    return place.socketDir
  }
  const uid = account?.uid ?? process.getuid?.() ?? 0
  const base = (account === undefined && process.env.XDG_RUNTIME_DIR) || '/tmp'
  const name = `ea-${uid}-${createHash('sha256').update(realpathSync(place.dataDir)).digest('hex').slice(0, 12)}`
  const folder = join(fits(join(base, name)) ? base : '/tmp', name)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const there = lstatSync(folder)
    if (there.isDirectory() && there.uid === uid && (there.mode & 0o077) === 0) return folder
    // Somebody else made it, perhaps to listen in: take one that nobody can foresee.
    const own = mkdtempSync('/tmp/ea-')
    give(own, account)
    return own
  }
  give(folder, account)
  return folder
}

/** A comma would make two hosts of it in a URL. */
function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= maxPathBytes && !folder.includes(',')
}
