/** Logs made by `ea generate`, kept in the folder of the benchmarks and made once. */
import { mkdir, stat, statfs } from 'node:fs/promises'
import { ea } from './program.js'
import { dataFolder } from './server.js'

/** Bytes of disk that an event needs here: in the file, and about three times that in the database with its WAL. */
const fileBytesPerEvent = 185
const databaseBytesPerEvent = 700

export interface LogFile {
  readonly path: string
  readonly bytes: number
  readonly events: number
}

/**
 * The log that these flags describe.
 *
 * @throws Error when the disk is too small for it and for the database that will hold it
 */
export async function logFile(flags: { events: number } & Record<string, string | number>): Promise<LogFile> {
  await mkdir(dataFolder, { recursive: true })
  const given = Object.entries(flags)
  const path = `${dataFolder}${given.map(([name, value]) => `${name}-${value}`).join('_')}.csv`
  const exists = await stat(path).catch(() => undefined)
  const { bavail, bsize } = await statfs(dataFolder)
  const neededBytes = flags.events * (databaseBytesPerEvent + (exists ? 0 : fileBytesPerEvent))
  if (bavail * bsize < neededBytes) {
    throw new Error(`${flags.events} events need about ${gb(neededBytes)} free, there are ${gb(bavail * bsize)}`)
  }
  if (!exists) await ea(['generate', '--output', path, ...given.map(([name, value]) => `--${name}=${value}`)])
  return { path, bytes: (await stat(path)).size, events: flags.events }
}

function gb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
