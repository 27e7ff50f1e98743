/**
 * How much memory PostgreSQL takes for itself while it works: what all its processes hold alone, without the buffers that
 * they share. Only on Linux, only for a server on this machine, and only for a role that may read its files.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { query } from './server.js'

const sampleMs = 250

/** Watches until it is stopped. @returns a function that stops, and gives the most that was seen, in MB */
export async function watchServerMemory(url: string): Promise<() => number | undefined> {
  const server = await query(url, `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid`).then(
    ([row]) => String(row?.pid),
    () => '',
  )
  if (!read(`/proc/${server}/comm`).startsWith('postgres')) return () => undefined
  const parents = new Map<string, string>()
  let peakKb = 0
  const sampling = setInterval(() => {
    peakKb = Math.max(peakKb, privateKb(server, parents))
  }, sampleMs)
  return () => {
    clearInterval(sampling)
    return peakKb > 0 ? peakKb / 1024 : undefined
  }
}

/** @param parents of the processes that were seen before, so that the others need not be read each time */
function privateKb(server: string, parents: Map<string, string>): number {
  let sumKb = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    if (!parents.has(pid)) parents.set(pid, /PPid:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? '')
    if (parents.get(pid) !== server) continue
    sumKb += Number(/RssAnon:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)
  }
  return sumKb
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
