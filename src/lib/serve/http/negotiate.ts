/** In which form an answer goes out: `?format=` says it, else the header Accept does. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EaError } from '../../core/errors.js'
import { inTurns, type Steps } from '../../core/in-turns.js'
import { nearest } from '../../core/nearest.js'
import type { Result } from '../../core/result.js'
import type { Format } from '../../present/tables/formats.js'
import { renderPieces } from '../../present/tables/render.js'

/** The formats of HTTP; of equally welcome ones the first is chosen. */
export const wireFormats = ['json', 'ndjson', 'csv', 'md'] as const satisfies Format[]
export type WireFormat = (typeof wireFormats)[number]
/** Those of an answer that can be drawn. */
export const drawnFormats = [...wireFormats, 'svg'] as const
export type AnswerFormat = (typeof drawnFormats)[number]

/** The media type of each format. */
export const mediaTypes: Readonly<Record<AnswerFormat, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  md: 'text/markdown',
  svg: 'image/svg+xml',
}

/**
 * The format of an answer.
 *
 * @param asked what `format` in the query says
 * @param accept the header Accept
 * @param offered the formats that the answer can have; the first one is for those who take anything
 * @throws EaError `usage` for a format that there is not, `not_acceptable`
 * @example
 * chooseFormat(undefined, 'text/csv;q=0.9, text/*;q=0.5') // 'csv'
 */
export function chooseFormat<F extends AnswerFormat = WireFormat>(
  asked: string | undefined,
  accept: string | undefined,
  offered: readonly F[] = wireFormats as unknown as readonly F[],
): F {
  if (asked !== undefined) {
    const format = offered.find((name) => name === asked)
    if (format !== undefined) return format
    const near = nearest(asked, offered)
    throw new EaError('usage', `format must be ${offered.join(', ')}, not ${JSON.stringify(asked)}.`, {
      ...(near === undefined ? {} : { suggestions: [`format=${near}`] }),
    })
  }
  if (accept === undefined || accept === '' || accept === '*/*') return offered[0]!
  const ranges = parseAccept(accept)
  let best: F | undefined
  let bestWeight = 0
  for (const format of offered) {
    const weight = weightOf(mediaTypes[format], ranges)
    if (weight > bestWeight) [best, bestWeight] = [format, weight]
  }
  if (best !== undefined) return best
  throw new EaError('not_acceptable', `The answer cannot be had as ${accept.slice(0, 200)}.`, {
    suggestions: [`Accept ${offered.map((format) => mediaTypes[format]).join(' or ')}.`],
  })
}

interface MediaRange {
  readonly range: string
  /** From 0 (not welcome) to 1. */
  readonly weight: number
}

function parseAccept(accept: string): MediaRange[] {
  return accept.split(',').flatMap((part) => {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
    if (range === '') return []
    const q = parameters.find((text) => /^q\s*=/.test(text))
    const weight = q === undefined ? 1 : Number(q.slice(q.indexOf('=') + 1))
    return [{ range, weight: weight >= 0 && weight <= 1 ? weight : 0 }]
  })
}

/** What the most exact range says of a type: `text/csv` before `text/*` before `*`/`*`. */
function weightOf(type: string, ranges: readonly MediaRange[]): number {
  for (const wanted of [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*']) {
    const found = ranges.filter(({ range }) => range === wanted)
    if (found.length > 0) return Math.max(...found.map(({ weight }) => weight))
  }
  return 0
}

/** A Result in a format, byte for byte as the command writes it into a pipe. */
export async function renderWire(result: Result, format: WireFormat): Promise<Buffer> {
  const whole = { ...result, meta: { ...result.meta, warnings: result.meta.warnings ?? [] } }
  return inTurns(joined(await renderPieces(whole, format, { color: false, isTty: false, width: 0 })))
}

function* joined(pieces: Iterable<string>): Steps<Buffer> {
  const parts: Buffer[] = []
  for (const piece of pieces) {
    if (parts.length > 0) yield
    parts.push(Buffer.from(piece))
  }
  return Buffer.concat(parts)
}

/** Sets what every answer of this kind says about itself: it is for its reader only, and is to be asked for again. */
export function describeAnswer(reply: FastifyReply, format: AnswerFormat): FastifyReply {
  const vary = [reply.getHeader('vary') ?? []].flat().map(String)
  return reply
    .type(`${mediaTypes[format]}; charset=utf-8`)
    .header('cache-control', 'private, no-cache')
    .header('vary', [...vary, 'Accept'].join(', '))
}

/** Whether the client has the answer with this entity tag already. */
export function hasAlready(request: FastifyRequest, etag: string): boolean {
  const known = request.headers['if-none-match']
  if (known === undefined) return false
  return known.trim() === '*' || known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
