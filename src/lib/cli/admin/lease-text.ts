/** What `ea db unlock` says of the lease that it broke. */
import type { BrokenLease } from '../../batches/lease.js'

/** The broken lease with the names of the JSON; `unlocked` is false when nobody held it. */
export function brokenJson(broken: BrokenLease | undefined): Record<string, unknown> {
  if (broken === undefined) return { unlocked: false, holder: null }
  const { doing, pid, host, acquiredAt, heartbeatAt } = broken.holder
  return {
    unlocked: true,
    holder: {
      doing,
      pid,
      host: hostOf(host),
      since: acquiredAt.toISOString(),
      heartbeat_at: heartbeatAt.toISOString(),
    },
  }
}

export function brokenText(broken: BrokenLease | undefined): string {
  if (broken === undefined) return 'Nobody holds the lease.'
  const { doing, pid, host } = broken.holder
  return `The lease of "${doing}" (pid ${pid} on ${hostOf(host)}) is broken. Run that command again to resume it.`
}

/** Why it had to be broken by hand. */
export function clockWarning({ holder }: BrokenLease): string {
  return `The last heartbeat of that lease is from ${holder.heartbeatAt.toISOString()}, which is in the future: check the clock of the database server.`
}

/** The name of the host without the namespace of its pids. */
function hostOf(host: string): string {
  return host.split(' ')[0]!
}
