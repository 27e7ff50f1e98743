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
  const sent: Promise<void>[] = []
  const cancel = () => void sent.push(sendCancel(client as Connected))
  let again: NodeJS.Timeout | undefined
  const onAbort = () => {
    cancel()
    // Between two statements there was nothing to cancel, and the next one is as unwanted as the one before.
    again = setInterval(cancel, againMs)
  }
  signal?.addEventListener('abort', onAbort)
  try {
    return await body()
  } finally {
    signal?.removeEventListener('abort', onAbort)
    clearInterval(again)
    // A request that comes late would end the next statement of this connection, which may be somebody else's.
    await Promise.all(sent)
  }
}

const againMs = 250
/** How long the server may take to answer a request by closing. */
const answerWithinMs = 2000

function sendCancel({ host, port, processID, secretKey }: Connected): Promise<void> {
  if (processID === null || secretKey === null) return Promise.resolve()
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(cancelRequestCode, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
  return new Promise((resolve) => {
    // When the server cannot be reached, the statement ends with its connection.
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.setTimeout(answerWithinMs, () => socket.destroy())
    // The server answers by closing, which is an end only when what it sends is read.
    socket.resume()
    socket.end(request)
  })
}
