/**
 * Something that speaks as much of PostgreSQL's protocol as it takes to be asked one question: for errors that no
 * server on the machine of a test gives, such as one that is too old or whose disk is full.
 */
import { createServer, type Socket } from 'node:net'

/** What it answers to each statement. */
export type OddAnswer =
  | { readonly row: Readonly<Record<string, { readonly type: number; readonly text: string }>> }
  | { readonly sqlState: string; readonly message: string }

/** Runs it on a port of its own, hands its URL to `use`, and closes it. */
export async function withOddServer<T>(answer: OddAnswer, use: (url: string) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket, answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  try {
    return await use(`postgresql://odd@127.0.0.1:${address.port}/odd?sslmode=disable`)
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

function serve(socket: Socket, answer: OddAnswer): void {
  let waiting = Buffer.alloc(0)
  let isStarted = false
  socket.on('data', (bytes) => {
    waiting = Buffer.concat([waiting, bytes])
    for (;;) {
      const typeBytes = isStarted ? 1 : 0
      if (waiting.length < typeBytes + 4) return
      const length = typeBytes + waiting.readInt32BE(typeBytes)
      if (waiting.length < length) return
      const type = isStarted ? String.fromCharCode(waiting[0]!) : 'startup'
      waiting = waiting.subarray(length)
      if (type === 'startup') {
        isStarted = true
        socket.write(Buffer.concat([message('R', int32(0)), ready]))
      } else if (type === 'Q') socket.write(Buffer.concat([resultOf(answer, ''), ready]))
      else if (type === 'S') socket.write(Buffer.concat([resultOf(answer, 'extended'), ready]))
      else if (type === 'X') socket.end()
    }
  })
}

function resultOf(answer: OddAnswer, protocol: 'extended' | ''): Buffer {
  if ('sqlState' in answer) {
    return message('E', cstring('SERROR'), cstring(`C${answer.sqlState}`), cstring(`M${answer.message}`), Buffer.of(0))
  }
  const columns = Object.entries(answer.row)
  const described = columns.map(([name, { type }]) =>
    Buffer.concat([cstring(name), int32(0), int16(0), int32(type), int16(-1), int32(-1), int16(0)]),
  )
  const values = columns.map(([, { text }]) => Buffer.concat([int32(Buffer.byteLength(text)), Buffer.from(text)]))
  return Buffer.concat([
    ...(protocol === 'extended' ? [message('1'), message('2')] : []),
    message('T', int16(columns.length), ...described),
    message('D', int16(columns.length), ...values),
    message('C', cstring('SELECT 1')),
  ])
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}

const cstring = (text: string) => Buffer.from(`${text}\0`)

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

/** ReadyForQuery, outside of a transaction. */
const ready = message('Z', Buffer.from('I'))
