/** `GET /batches`, one batch, and its rejects: what `ea batches list`, `show` and `rejects` print, over HTTP. */
import { Readable } from 'node:stream'
import * as z from 'zod'
import { batchDetailSchema, batchSchema, batchStatuses, rejectSchema } from '../../batches/batch.js'
import { batchesPage, defaultBatches, getBatch } from '../../batches/batches.js'
import { describeBatch } from '../../batches/describe.js'
import { rejectsText } from '../../batches/reject-text.js'
import { eachReject } from '../../batches/rejects.js'
import { count } from '../../core/row-schema.js'
import { streamedFormats } from '../../present/tables/formats.js'
import { chooseFormat, describeAnswer, renderWire, wireFormats } from '../http/negotiate.js'
import { formatField, wholeNumber } from '../http/query-values.js'
import { defineRoute, inForms, json, rowsOf } from '../route.js'

/** The most rows of one answer. */
const maxRows = 1000
/** How many rejects are answered when nobody says. */
const defaultRejects = 100
/** A record can have 16 MB: so many are in memory at once. */
const rejectsAtOnce = 10

const id = z.object({ id: wholeNumber(1).describe('The number of a batch.') })
const limit = (byDefault: number) => wholeNumber(1, maxRows).default(byDefault).describe('Maximum number to show.')

const listMeta = z.object({
  status: z.enum(batchStatuses).nullable(),
  limit: z.int().min(1),
  more: z.boolean().describe('Whether there are more than the limit.'),
  warnings: z.array(z.string()),
})
const rejectsMeta = z.object({ batch: z.int().min(1), rejected: count(), limit: z.int().min(1), after: count() })

const listBatches = defineRoute({
  method: 'GET',
  path: '/batches',
  scope: 'read',
  subject: 'The list of batches',
  query: z.object({
    limit: limit(defaultBatches),
    status: z
      .enum(batchStatuses, `must be ${batchStatuses.join(', ')}`)
      .optional()
      .describe('Only batches with this status.'),
    format: formatField(wireFormats),
  }),
  operationId: 'listBatches',
  tag: 'batches',
  summary: 'List the imports, newest first',
  answers: { 200: inForms('The batches.', wireFormats, rowsOf('batches', batchSchema, listMeta)) },
  asksDatabase: true,
  async answer({ db }, { query }, request, reply) {
    const format = chooseFormat(query.format, request.headers.accept)
    return describeAnswer(reply, format).send(await renderWire(await batchesPage(db, query), format))
  },
})

const showBatch = defineRoute({
  method: 'GET',
  path: '/batches/{id}',
  scope: 'read',
  params: id,
  subject: 'A batch',
  query: z.object({ format: formatField(['json']) }),
  operationId: 'getBatch',
  tag: 'batches',
  summary: 'Show one import: its counts, how it was read, whose duplicates it found',
  answers: { 200: json('The batch.', batchDetailSchema) },
  asksDatabase: true,
  errors: ['batch_not_found'],
  async answer({ db }, { params, query }, request, reply) {
    const format = chooseFormat(query.format, request.headers.accept, ['json'])
    const detail = await describeBatch(db, params.id)
    return describeAnswer(reply, format).send(`${JSON.stringify(detail, null, 2)}\n`)
  },
})

const listRejects = defineRoute({
  method: 'GET',
  path: '/batches/{id}/rejects',
  scope: 'read',
  params: id,
  subject: 'The list of rejects',
  query: z.object({
    limit: limit(defaultRejects),
    after: wholeNumber(0)
      .default(0)
      .describe('Only records after this one: for the next page, the `record` of the last row.'),
    format: formatField(streamedFormats),
  }),
  operationId: 'listRejects',
  tag: 'batches',
  summary: 'List the records of an import that are no events',
  answers: {
    200: inForms(
      'The rejects, in the order of the file.',
      streamedFormats,
      rowsOf('rejects', rejectSchema, rejectsMeta),
    ),
  },
  asksDatabase: true,
  errors: ['batch_not_found'],
  async answer({ db }, { params, query: { limit, after, format: asked } }, request, reply) {
    const format = chooseFormat(asked, request.headers.accept, streamedFormats)
    const batch = await getBatch(db, params.id)
    const rejects = eachReject(db, batch.id, Math.min(limit, rejectsAtOnce), after)
    const text = rejectsText(rejects, format, limit, { batch: batch.id, rejected: batch.rejected, limit, after })
    return describeAnswer(reply, format).send(Readable.from(text, { objectMode: false }))
  },
})

export const batchRoutes = [listBatches, showBatch, listRejects]
