/** HTTP without a client library, for requests that no library would send. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RawAnswer {
  readonly status: number
  /** In lower case; the last one counts. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Writes pieces of text to the server of a URL, one after the other, and reads until it closes the connection.
 *
 * @param pieces as they are sent; a number is a pause in milliseconds
 * @returns all that came back; undefined when it is no HTTP answer
 */
export async function sendRaw(
  url: string,
  ...pieces: readonly (string | Buffer | number)[]
): Promise<RawAnswer | undefined> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(part))
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
  })
  const write = async () => {
    for (const piece of pieces) {
      if (typeof piece === 'number') await sleep(piece)
      else if (socket.writable) socket.write(piece)
    }
  }
  await Promise.all([write(), closed])
  return parse(Buffer.concat(parts).toString('latin1'))
}

/** The head of a request with its usual headers; `Connection: close` so that the answer ends. */
export function requestHead(line: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = { host: 'localhost', connection: 'close', ...headers }
  return `${[line, ...Object.entries(all).map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`
}

function parse(text: string): RawAnswer | undefined {
  const [, status, head, body] = /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(text) ?? []
  if (status === undefined) return undefined
  const headers = head!.split('\r\n').map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
  })
  return { status: Number(status), headers: Object.fromEntries(headers), body: body! }
}
