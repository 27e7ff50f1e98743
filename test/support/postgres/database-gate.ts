/**
 * A door between programs and PostgreSQL: shut, it cuts every connection and refuses new ones, and for them the database
 * is away although it runs. `test/serve/availability/outage.proof.test.ts` stops a real server instead.
 */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { databaseUrl } from './database.js'
import { temporaryFolder } from './server.js'

export interface DatabaseGate {
  /** The database behind the door. */
  readonly url: string
  shut(): Promise<void>
  /** From now on nothing comes through, and nobody is told: the network loses everything. */
  hold(): void
  open(): Promise<void>
}

/** Hands out an open door to a database. */
export async function withDatabaseGate<T>(url: string, use: (gate: DatabaseGate) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder()
  const path = `${folder}/.s.PGSQL.5432`
  const target = new URL(url)
  const port = Number(target.port || 5432)
  const host = target.searchParams.get('host') ?? target.hostname
  const sockets = new Set<Socket>()
  let server: Server | undefined

  let isHeld = false
  const pass = (client: Socket) => {
    if (isHeld) {
      sockets.add(client.on('error', () => {}).pause())
      return
    }
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
      one.pipe(other)
    }
  }
  const open = async () => {
    server = createServer(pass).listen(path)
    await once(server, 'listening')
  }
  const hold = () => {
    isHeld = true
    for (const socket of sockets) socket.unpipe().pause()
  }
  const shut = async () => {
    isHeld = false
    const closed = server && once(server, 'close')
    server?.close()
    server = undefined
    for (const socket of sockets) socket.destroy()
    await closed
  }
  await open()
  try {
    const account = `${target.username}${target.password && `:${target.password}`}`
    const proxied = databaseUrl(`postgresql://${account}@localhost:5432/x?host=${folder}`, target.pathname.slice(1))
    return await use({ url: proxied, shut, hold, open })
  } finally {
    await shut()
    await rm(folder, { recursive: true, force: true })
  }
}
