/**
 * Who a process is, so that another one can tell whether it still lives: a pid alone is soon somebody else's.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, uptime } from 'node:os'

export interface ProcessIdentity {
  /** The host name, and on Linux the pid namespace: pids of another container mean nothing here. */
  readonly host: string
  /** Differs after every boot of the host. */
  readonly bootId: string
  readonly pid: number
  /** When the process started, in the kernel's clock ticks; empty where that cannot be known. */
  readonly processStart: string
}

export function thisProcess(): ProcessIdentity {
  return {
    host: hostIdentity(),
    bootId: bootIdentity(),
    pid: process.pid,
    processStart: processStart(process.pid) ?? '',
  }
}

/**
 * Whether a process is surely gone: same host, and either another boot or no such process any more.
 * Of another host nothing is known: false.
 */
export function isGone(other: ProcessIdentity): boolean {
  if (!isOfThisHost(other)) return false
  if (other.bootId !== bootIdentity()) return true
  return !isAlive(other.pid, other.processStart)
}

/** Whether a process runs or ran where this one does, so that its pid means something here. */
export function isOfThisHost({ host }: ProcessIdentity): boolean {
  return host === hostIdentity()
}

/** Whether the process with this pid and start lives on this host; an empty start matches any. */
export function isAlive(pid: number, start: string): boolean {
  const now = processStart(pid)
  if (now !== undefined) return start === '' || now === start
  if (process.platform === 'linux') return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of /proc/PID/stat; a zombie counts as gone. Undefined where there is no such process or no /proc. */
function processStart(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the command in parentheses and may hold anything, also parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

function hostIdentity(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function bootIdentity(): string {
  // Without /proc: the time of the boot, to the minute.
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? `boot ${Math.round((Date.now() / 1000 - uptime()) / 60)}`
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
