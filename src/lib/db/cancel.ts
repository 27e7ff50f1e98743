/**
 * Ends the statement that a connection is running when a signal aborts, by PostgreSQL's cancel request: it needs no
 * second login and works through PgBouncer. The statement then fails with 57014, and its transaction rolls back.
 */
import { connect } from 'node:net'
import type pg from 'pg'

const cancelRequestCode = 80877102

/** What `pg` knows of a connection beside its types. */
type Connected = pg.ClientBase & { host: string; port: number; processID: number | null; secretKey: number | null }

/**
 * Runs `body`; while it runs, an abort of `signal` cancels the statement on `client`.
 *
 * @example
 * await withCancel(tx.client, signal, () => slowQuery.execute(tx.q))
 */
export async function withCancel<T>(
  client: pg.ClientBase,
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const cancel = () => sendCancel(client as Connected)
  signal?.addEventListener('abort', cancel)
  try {
    return await body()
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

function sendCancel({ host, port, processID, secretKey }: Connected): void {
  if (processID === null || secretKey === null) return
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(cancelRequestCode, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
  // The server answers by closing; when it cannot be reached, the statement ends with its connection.
  socket.on('error', () => {})
  socket.end(request)
}
