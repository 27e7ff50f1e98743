/** A way to a database that can be closed and opened again, for a text that tells what happens then. */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { databaseUrl } from '../support/database.js'
import { temporaryFolder } from '../support/server.js'

export interface Switch {
  /** The same database, behind the switch. */
  readonly url: string
  /** `away` breaks all connections and refuses new ones, `back` ends that. */
  readonly set: (state: string) => Promise<void>
}

/** Hands a switch before the database of `url` to `use`. */
export async function withSwitch<T>(url: string, use: (switched: Switch) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder()
  const target = new URL(url)
  const port = Number(target.port || 5432)
  const host = target.searchParams.get('host') ?? target.hostname
  const sockets = new Set<Socket>()
  let away = false
  const server = createServer((client) => {
    if (away) return client.destroy()
    const upstream = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    client.pipe(upstream).pipe(client)
  })
  server.listen(`${folder}/.s.PGSQL.5432`)
  await once(server, 'listening')
  const account = `${target.username}${target.password && `:${target.password}`}`
  try {
    return await use({
      url: databaseUrl(`postgresql://${account}@localhost:5432/x?host=${folder}`, target.pathname.slice(1)),
      async set(state) {
        if (state !== 'away' && state !== 'back') throw new Error(`The database is away or back, not ${state}.`)
        away = state === 'away'
        if (away) for (const socket of sockets) socket.destroy()
      },
    })
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
}
