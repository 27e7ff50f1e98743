/**
 * A file for each day, one after the other, into a database that holds events already: does the last day cost what the
 * first did? Each day has 100,000 events of 10,000 users.
 */
import { type LogFile, logFile } from './log-file.js'
import { ea } from './program.js'

const firstDay = Date.UTC(2026, 0, 1)
const dayMs = 86_400_000

/** The log of one day, behind the year of the other logs. @param number from 0 */
export function dayLog(number: number, events: number): Promise<LogFile> {
  const from = new Date(firstDay + number * dayMs).toISOString().slice(0, 10)
  return logFile({ events, users: Math.ceil(events / 10), days: 1, from })
}

/**
 * Imports a day.
 *
 * @returns the seconds of the whole command; null when an earlier run that was cut off had imported it already
 * @throws Error when any of its events was not stored
 */
export async function importDay(url: string, file: LogFile): Promise<number | null> {
  const done = await ea(['import', file.path, '--json'], { DATABASE_URL: url })
  const [batch] = (JSON.parse(done.stdout) as { batches: { status: string; inserted: number }[] }).batches
  if (batch?.status === 'already_imported') return null
  if (batch?.inserted !== file.events) throw new Error(`${file.path} is not stored whole:\n${done.stdout}`)
  return done.seconds
}
