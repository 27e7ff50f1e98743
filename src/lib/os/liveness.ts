/**
 * Whether the process that left a file behind still lives. Of a process on this host that is known; for one in another
 * container, whose pids mean nothing here, the age of the file decides: the living touch their files.
 */
import { statSync, utimesSync } from 'node:fs'
import { isGone, type ProcessIdentity, thisProcess } from './process-identity.js'

const touchEveryMs = 10_000
const freshForMs = 60_000

/** Whether the process that wrote `path` will surely not come back. */
export function isAbandoned(who: ProcessIdentity, path: string): boolean {
  return who.host === thisProcess().host ? isGone(who) : isOld(path)
}

/** Whether nobody has touched a file for a minute; a file that is gone is old. */
export function isOld(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs > freshForMs
  } catch {
    return true
  }
}

/** Touches a file now and then, without keeping the process alive; the function that comes back ends it. */
export function keepFresh(path: string): () => void {
  const timer = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date())
    } catch {
      // Somebody removed it: whoever needs it will say so.
    }
  }, touchEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}
