/**
 * What is no HTTP request that a route could answer: a wrong request line, a flood of headers, a client that takes too
 * long to send. It is answered on the bare socket, as a problem like any other, and the connection is closed.
 */
import { type OutgoingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { EaError } from '../core/errors.js'
import { problemOf, problemType } from './problem-details.js'

/** How long a client may take to read its answer before the connection is cut. */
const readWithinMs = 1000

const answered = new WeakSet<Socket>()

/** The `clientErrorHandler` of Fastify. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (answered.has(socket)) return
  answered.add(socket)
  const current = (socket as Socket & { _httpMessage?: OutgoingMessage })._httpMessage
  // In the middle of an answer there is no place for another one.
  if (!socket.writable || current?.headersSent) {
    socket.destroy()
    return
  }
  const { status, body, headers } = problemOf(asProblem(error.code))
  const text = JSON.stringify(body)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${problemType}`,
    `content-length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`)
  // Cut at once, what the client is still sending would make its system drop the answer unread.
  socket.resume()
  setTimeout(() => socket.destroy(), readWithinMs).unref()
}

function asProblem(code: string | undefined): EaError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new EaError('request_timeout', 'The request did not arrive in time.')
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new EaError('headers_too_large', 'The URL and the headers of the request are larger than 16 kB together.')
  }
  return new EaError('usage', 'This is no HTTP request.', { suggestions: ['Send HTTP/1.1.'] })
}
