/** A server between client and PostgreSQL that loses the answer to a COMMIT: it is done, and nobody hears of it. */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { databaseUrl } from './database.js'
import { temporaryFolder } from './server.js'

const commit = Buffer.from('COMMIT\0')

/**
 * Runs `use` with the URL of the same database behind the proxy.
 *
 * @param loses whether the answer to this COMMIT is lost, counted from 1 over all connections
 */
export async function withLossyProxy<T>(
  url: string,
  loses: (commits: number) => boolean,
  use: (proxied: string) => Promise<T>,
): Promise<T> {
  const folder = await temporaryFolder()
  const target = new URL(url)
  const port = Number(target.port || 5432)
  const host = target.searchParams.get('host') ?? target.hostname
  let commits = 0
  const server = createServer((client) => {
    const upstream = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    let deaf = false
    client.on('data', (bytes) => {
      if (bytes.includes(commit)) {
        commits += 1
        deaf = loses(commits)
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (deaf) client.destroy()
      else client.write(bytes)
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(`${folder}/.s.PGSQL.5432`)
  await once(server, 'listening')
  try {
    const account = `${target.username}${target.password && `:${target.password}`}`
    return await use(databaseUrl(`postgresql://${account}@localhost:5432/x?host=${folder}`, target.pathname.slice(1)))
  } finally {
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
}
