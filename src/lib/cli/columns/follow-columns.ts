/** Files of the column store follow what is imported; when that fails, only questions are slower. */
import { buildColumns } from '../../columns/build.js'
import type { Database } from '../../db/connect.js'

/** Fewer new events than this are no reason to start. */
const leastEvents = 50_000
const everyMs = 60_000

/** Brings the column store up to date, where one is kept and enough is new. */
export async function followColumns(
  db: Database,
  signal: AbortSignal | undefined,
  warn: (text: string) => void,
): Promise<void> {
  try {
    await buildColumns(db, { signal, leastEvents })
  } catch (error) {
    if (signal?.aborted) return
    const [reason] = (error as Error).message.split('\n')
    warn(`The column store was not brought up to date: ${reason}`)
  }
}

/** The same again and again while `work` runs. */
export async function whileColumnsFollow<T>(
  db: Database,
  warn: (text: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  let running = Promise.resolve()
  let isRunning = false
  const timer = setInterval(() => {
    if (isRunning) return
    isRunning = true
    running = followColumns(db, ended.signal, warn).finally(() => {
      isRunning = false
    })
  }, everyMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    ended.abort()
    await running
  }
}
