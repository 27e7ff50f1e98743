/**
 * The body of a request as bytes: its type and compression are looked at before it is read, and what comes out is
 * decompressed and no larger than the server takes. What the bytes say is read elsewhere (ingest/body.ts).
 */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { EaError } from '../errors.js'

const inflate = promisify(gunzip)

/** What routes read of a media type: `application/json`, without its parameters; null: none was given. */
export type IsType = (type: string | null) => boolean

/**
 * Lets the routes of a scope take bodies: `request.body` will be a Buffer.
 *
 * @param isType whether the routes read this type; the charset is always UTF-8
 * @param maxBytes of the body, as it comes and decompressed
 * @throws EaError (for the request) `unsupported_media_type`, `body_too_large`, `malformed_body` for a broken gzip
 * @example
 * takeBodies(scope, (type) => type === 'application/json', options.bodyLimitBytes)
 */
export function takeBodies(scope: FastifyInstance, isType: IsType, maxBytes: number): void {
  scope.addHook('preParsing', async (request) => {
    requireType(request, isType)
    requireEncoding(request)
  })
  scope.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: maxBytes },
    async (request: FastifyRequest, body: Buffer) => (isGzip(request) ? decompressed(body, maxBytes) : body),
  )
}

/** The bytes of a body; none when the request has no body at all. */
export function bodyOf(request: FastifyRequest): Buffer {
  return (request.body as Buffer | undefined) ?? Buffer.alloc(0)
}

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

async function decompressed(body: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await inflate(body, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new EaError('body_too_large', `The body, decompressed, is larger than ${maxBytes} bytes.`, { cause: error })
    }
    throw new EaError('malformed_body', `The body is no gzip, or is damaged: ${(error as Error).message}.`, {
      cause: error,
      suggestions: ['Compress it again, or send it as it is without Content-Encoding.'],
    })
  }
}
