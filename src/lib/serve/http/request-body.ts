/**
 * The body of a request as bytes: its type and compression are looked at before it is read, and what comes out is
 * decompressed, no larger than the server takes, and accounted for in the budget of all bodies before it is in memory.
 * What the bytes say is read elsewhere (ingest/body/body.ts).
 */
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { EaError } from '../../core/errors.js'
import { Queue } from '../../core/in-turns.js'
import type { Chunk } from '../../load/split/chunk.js'
import type { BodyAccount, BodyBudget } from './body-budget.js'

/** What routes read of a media type: `application/json`, without its parameters; null: none was given. */
export type IsType = (type: string | null) => boolean

const accounts = new WeakMap<FastifyRequest, BodyAccount>()

/**
 * Lets the routes of a scope take bodies: `request.body` will be a Buffer.
 *
 * @param isType whether the routes read this type; the charset is always UTF-8
 * @param maxBytes of the body, as it comes and decompressed
 * @param budget of all bodies; what one has of it is given back with the answer
 * @throws EaError (for the request) `unsupported_media_type`, `body_too_large`, `malformed_body` for a broken gzip,
 *   `server_busy`
 * @example
 * takeBodies(scope, (type) => type === 'application/json', options.bodyLimitBytes, bodies)
 */
export function takeBodies(scope: FastifyInstance, isType: IsType, maxBytes: number, budget: BodyBudget): void {
  scope.addHook('preParsing', async (request, reply) => {
    requireType(request, isType)
    requireEncoding(request)
    const account = budget.open()
    accounts.set(request, account)
    reply.raw.once('close', () => account.close())
    // Refused here and not while it is read, a client that is still sending keeps its connection, and hears the answer.
    account.growTo(Math.min(maxBytes, declaredBytes(request) ?? 0))
  })
  scope.addContentTypeParser('*', (request: FastifyRequest, payload: Readable) =>
    bytesOf(request, payload, accounts.get(request)!, maxBytes),
  )
}

/** A larger body is read when it is alone: what its reading needs in memory does not add up. */
const largeBytes = 1024 * 1024
const reading = new Queue()

/**
 * Reads the body of a request, once: the request forgets its bytes, so that they need not be in memory until it is
 * answered. From then on its budget counts what the chunk holds. No bytes when the request has no body at all.
 */
export async function readChunk<T extends { readonly chunk: Chunk }>(
  request: FastifyRequest,
  read: (bytes: Buffer) => Promise<T>,
): Promise<T & { readonly bytes: number }> {
  const { length } = (request.body as Buffer | undefined) ?? none
  const take = async () => {
    const bytes = (request.body as Buffer | undefined) ?? none
    request.body = undefined
    return read(bytes)
  }
  const result = await (length > largeBytes ? reading.run(take) : take())
  accounts.get(request)?.hold(Math.max(length, result.chunk.heldBytes))
  return { ...result, bytes: length }
}

const none = Buffer.alloc(0)

/** The media type of a request in lower case, without parameters; null when it has none. */
export function mediaType({ headers }: FastifyRequest): string | null {
  const type = /^[^;]*/
    .exec(headers['content-type'] ?? '')![0]
    .trim()
    .toLowerCase()
  return type === '' ? null : type
}

function requireType(request: FastifyRequest, isType: IsType): void {
  const type = mediaType(request)
  if (!isType(type)) {
    const what = type === null ? 'no Content-Type' : `the type ${JSON.stringify(type)}`
    throw new EaError('unsupported_media_type', `The body has ${what}, which is not read here.`)
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)"?/i.exec(request.headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new EaError(
      'unsupported_media_type',
      `The body is in ${JSON.stringify(charset)}; JSON is read in UTF-8 only.`,
    )
  }
}

function requireEncoding(request: FastifyRequest): void {
  const encoding = encodingOf(request)
  if (encoding === 'identity' || isGzip(request)) return
  throw new EaError(
    'unsupported_media_type',
    `The body is compressed with ${JSON.stringify(encoding)}; only gzip is read.`,
  )
}

function encodingOf({ headers }: FastifyRequest): string {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  return encoding === '' ? 'identity' : encoding
}

function isGzip(request: FastifyRequest): boolean {
  const encoding = encodingOf(request)
  return encoding === 'gzip' || encoding === 'x-gzip'
}

/** How many bytes the sender says that it will send; undefined where they come in chunks. */
function declaredBytes({ headers }: FastifyRequest): number | undefined {
  const bytes = Number(headers['content-length'])
  return headers['content-length'] === undefined || Number.isNaN(bytes) ? undefined : bytes
}

async function bytesOf(
  request: FastifyRequest,
  payload: Readable,
  account: BodyAccount,
  maxBytes: number,
): Promise<Buffer> {
  const declared = declaredBytes(request)
  if (declared !== undefined && declared > maxBytes) throw tooLarge(maxBytes, false)
  if (isGzip(request)) return decompressed(payload, account, maxBytes)
  // Its length is known: no piece needs to be kept until the last one is there.
  const whole = declared === undefined ? undefined : Buffer.allocUnsafe(declared)
  const pieces: Buffer[] = []
  let bytes = 0
  await eachPiece(payload, (piece) => {
    if (bytes + piece.length > maxBytes) throw tooLarge(maxBytes, false)
    account.growTo(bytes + piece.length)
    if (whole === undefined) pieces.push(piece)
    else piece.copy(whole, bytes)
    bytes += piece.length
  })
  if (whole === undefined) return Buffer.concat(pieces, bytes)
  if (bytes === whole.length) return whole
  throw new EaError('malformed_body', 'The body does not have the length that Content-Length says.')
}

async function decompressed(payload: Readable, account: BodyAccount, maxBytes: number): Promise<Buffer> {
  const gunzip = createGunzip()
  const pieces: Buffer[] = []
  let bytes = 0
  let compressedBytes = 0
  // Not a pipe: that would not pass an error on, and a stream that is destroyed destroys the connection.
  const fed = eachPiece(payload, (piece) => {
    compressedBytes += piece.length
    if (compressedBytes > maxBytes) throw tooLarge(maxBytes, false)
    if (!gunzip.write(piece)) {
      payload.pause()
      gunzip.once('drain', () => payload.resume())
    }
  }).then(
    () => void gunzip.end(),
    (error: Error) => void gunzip.destroy(error),
  )
  try {
    await eachPiece(gunzip, (piece) => {
      if (bytes + piece.length > maxBytes) throw tooLarge(maxBytes, true)
      account.growTo(bytes + piece.length)
      pieces.push(piece)
      bytes += piece.length
    })
    await fed
    return Buffer.concat(pieces, bytes)
  } catch (error) {
    gunzip.destroy()
    payload.resume()
    if (error instanceof EaError) throw error
    throw new EaError('malformed_body', `The body is no gzip, or is damaged: ${(error as Error).message}.`, {
      cause: error,
      suggestions: ['Compress it again, or send it as it is without Content-Encoding.'],
    })
  }
}

/**
 * Hands over the pieces of a stream as they come. When `take` throws, the rest is dropped and the stream lives on: a
 * request that is destroyed takes its connection with it, and nobody would hear why.
 */
function eachPiece(stream: Readable, take: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (error?: Error) => {
      stream.off('data', onPiece).off('end', leave).off('close', onClose)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onPiece = (piece: Buffer) => {
      try {
        take(piece)
      } catch (error) {
        leave(error as Error)
      }
    }
    const onClose = () => leave(cutOff())
    stream.on('data', onPiece)
    stream.once('end', leave)
    stream.once('close', onClose)
    // It stays: what fails after the pieces were left must not be nobody's.
    stream.on('error', (error: NodeJS.ErrnoException) => leave(error.code === 'ECONNRESET' ? cutOff() : error))
  })
}

function cutOff(): EaError {
  return new EaError('malformed_body', 'The connection was closed before the whole body was there.')
}

function tooLarge(maxBytes: number, isDecompressed: boolean): EaError {
  return new EaError(
    'body_too_large',
    `The body${isDecompressed ? ', decompressed,' : ''} is larger than ${maxBytes} bytes.`,
  )
}
