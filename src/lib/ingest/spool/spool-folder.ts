/**
 * Where a spool lies. Each database and schema has a folder of its own, so that what was meant for one of them is never
 * drained into another: the name is made of where the database is, and of nothing that may change (user, password).
 */
import { createHash } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Config } from '../../core/config.js'
import { EaError } from '../../core/errors.js'
import { asFolderError } from '../../db/embedded/paths.js'

/**
 * The folder of the spool for a database; it need not exist.
 *
 * @throws EaError `usage` when there is no data folder to put it in
 * @example
 * spoolFolder(parseConfig()) // /home/ann/.local/share/ea/spool/4f1c0e9a7b23
 */
export function spoolFolder(config: Config): string {
  if (config.dataDir === '') {
    throw new EaError('usage', 'There is no folder to keep the spool in.', {
      suggestions: ['Set EA_DATA_DIR to a folder that survives a restart.'],
    })
  }
  const name = createHash('sha256')
    .update(JSON.stringify(targetOf(config)))
    .digest('hex')
    .slice(0, 12)
  return join(config.dataDir, 'spool', name)
}

/** What tells one database and schema from all others, as the driver understands the URL. Opens no connection. */
function targetOf({ databaseUrl, dataDir, schema }: Config): readonly (string | number | undefined)[] {
  if (databaseUrl === undefined) return ['embedded', dataDir, schema]
  const { host, port, database } = new pg.Client({ connectionString: databaseUrl })
  return ['external', host, port, database, schema]
}

/**
 * Makes the folder and `dead-letter/` in it, for their owner only, and so that a power cut does not take them away.
 *
 * @throws EaError `data_dir_unwritable`, `disk_full`
 */
export function makeSpoolFolder(folder: string): void {
  try {
    // The parents are shared: the embedded server, which may run as somebody else, passes through them.
    const parents = mkdirSync(dirname(folder), { recursive: true })
    const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
    mkdirSync(deadLetterFolder(folder), { recursive: true, mode: 0o700 })
    for (const path of [folder, deadLetterFolder(folder)]) chmodSync(path, 0o700)
    if (made !== undefined) syncUpTo(folder, dirname(parents ?? made))
  } catch (error) {
    throw asFolderError(error, folder)
  }
}

/** Syncs the names in a folder and in those above it, up to the one that was there before. */
function syncUpTo(folder: string, top: string): void {
  // Windows cannot open a folder, and does this by itself.
  if (process.platform === 'win32') return
  for (let path = folder; ; path = dirname(path)) {
    const file = openSync(path, 'r')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    if (path === top || path === dirname(path)) return
  }
}

export function deadLetterFolder(folder: string): string {
  return join(folder, 'dead-letter')
}
