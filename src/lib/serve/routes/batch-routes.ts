/** `GET /batches`, one batch, and its rejects: what `ea batches list`, `show` and `rejects` print, over HTTP. */
import { Readable } from 'node:stream'
import { batchesPage, batchStatuses, defaultBatches, detailJson } from '../../batches/batch-json.js'
import { getBatch } from '../../batches/batches.js'
import { describeBatch } from '../../batches/describe.js'
import { rejectsText } from '../../batches/reject-text.js'
import { eachReject } from '../../batches/rejects.js'
import { EaError } from '../../core/errors.js'
import type { BatchStatus } from '../../db/tables.js'
import type { Routes } from '../http/context.js'
import { chooseFormat, describeAnswer, renderWire } from '../http/negotiate.js'
import { readQuery } from '../http/query-values.js'

/** The most rows of one answer. */
export const maxRows = 1000
/** How many rejects are answered when nobody says. */
export const defaultRejects = 100
/** A record can have 16 MB: so many are in memory at once. */
const rejectsAtOnce = 10

/** Those that can be written piece by piece. */
export const rejectFormats = ['json', 'ndjson', 'csv'] as const

interface OneBatch {
  Params: { id: string }
}

/** The routes of batches. */
export const batchRoutes: Routes = (app, { db }) => {
  const config = { scope: 'read' } as const

  app.get('/batches', { config }, async (request, reply) => {
    const names = [{ name: 'limit' }, { name: 'status' }, { name: 'format' }]
    const texts = readQuery(request.query, names, 'The list of batches')
    const limit = wholeNumber('limit', texts.get('limit')?.[0] ?? String(defaultBatches), 1, maxRows)
    const format = chooseFormat(texts.get('format')?.[0], request.headers.accept)
    const page = await batchesPage(db, { status: statusOf(texts.get('status')?.[0]), limit })
    return describeAnswer(reply, format).send(await renderWire(page, format))
  })

  app.get<OneBatch>('/batches/:id', { config }, async (request, reply) => {
    const format = readQuery(request.query, [{ name: 'format' }], 'A batch').get('format')?.[0]
    const chosen = chooseFormat(format, request.headers.accept, ['json'])
    const detail = await describeBatch(db, idOf(request.params.id))
    return describeAnswer(reply, chosen).send(`${JSON.stringify(detailJson(detail), null, 2)}\n`)
  })

  app.get<OneBatch>('/batches/:id/rejects', { config }, async (request, reply) => {
    const names = [{ name: 'limit' }, { name: 'after' }, { name: 'format' }]
    const texts = readQuery(request.query, names, 'The list of rejects')
    const limit = wholeNumber('limit', texts.get('limit')?.[0] ?? String(defaultRejects), 1, maxRows)
    const after = wholeNumber('after', texts.get('after')?.[0] ?? '0', 0, Number.MAX_SAFE_INTEGER)
    const format = chooseFormat(texts.get('format')?.[0], request.headers.accept, rejectFormats)
    const batch = await getBatch(db, idOf(request.params.id))
    const rejects = eachReject(db, batch.id, Math.min(limit, rejectsAtOnce), after)
    const text = rejectsText(rejects, format, limit, { batch: batch.id, rejected: batch.rejected, limit, after })
    return describeAnswer(reply, format).send(Readable.from(text, { objectMode: false }))
  })
}

function idOf(text: string): number {
  return wholeNumber('The number of a batch', text, 1, Number.MAX_SAFE_INTEGER)
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new EaError('usage', `${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}.`)
}

function statusOf(text: string | undefined): BatchStatus | undefined {
  if (text === undefined) return undefined
  const status = batchStatuses.find((known) => known === text)
  if (status !== undefined) return status
  throw new EaError('usage', `status must be ${batchStatuses.join(', ')}, not ${JSON.stringify(text)}.`)
}
