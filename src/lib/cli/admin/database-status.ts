/** What `ea db status` and `ea db start` say of the database, for programs and for people. */
import type { EmbeddedStatus } from '../../db/embedded/server.js'
import { human } from '../../present/tables/cell-text.js'

/** The embedded server with the names of the JSON. */
export function statusJson(status: EmbeddedStatus): Record<string, unknown> {
  return {
    embedded: true,
    running: status.running,
    pid: status.pid,
    version: status.version,
    data_dir: status.dataDir,
    socket_dir: status.socketDir,
    url: status.url,
    kept_running: status.keptRunning,
    users: status.users,
    size_bytes: status.sizeBytes,
  }
}

/** The embedded server in lines of `name  value`. */
export function statusText(status: EmbeddedStatus): string {
  const kept = status.keptRunning ? 'until `ea db stop`' : 'while commands use it'
  return lines([
    ['database', `embedded PostgreSQL ${status.version}`],
    ['state', status.running ? `running (pid ${status.pid}), ${kept}` : 'not running; commands start it'],
    ['data', `${status.dataDir} (${human(status.sizeBytes, 'bytes', true)})`],
    ...(status.url === null ? [] : [['url', status.url] as const]),
    ...(status.users.length === 0 ? [] : [['used by', status.users.join(', ')] as const]),
  ])
}

/** An external server in lines of `name  value`. */
export function externalStatusText(status: {
  schema: string
  server_version: number
  too_old: boolean
  applied: readonly string[]
  pending: readonly string[]
  unknown: readonly string[]
}): string {
  const major = Math.floor(status.server_version / 10_000)
  return lines([
    ['database', `PostgreSQL ${major}.${status.server_version % 10_000}`],
    ['schema', status.schema],
    ['state', stateText(status)],
  ])
}

function stateText({ too_old, pending, unknown }: Parameters<typeof externalStatusText>[0]): string {
  if (too_old) return 'too old: ea needs PostgreSQL 16 or newer'
  if (unknown.length > 0) return `migrated by a newer release of ea (${unknown.join(', ')}): update ea`
  return pending.length === 0 ? 'ready' : `lacks ${pending.join(', ')}: run \`ea db migrate\``
}

function lines(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${name.padEnd(10)}${value}`).join('\n')
}
