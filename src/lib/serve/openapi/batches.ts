/** The paths of imports: what came in, from files and over HTTP. */
import { batchStatuses, defaultBatches } from '../../batches/batch-json.js'
import { wireFormats } from '../http/negotiate.js'
import { defaultRejects, maxRows, rejectFormats } from '../routes/batch-routes.js'
import { answerSchema, contentIn, formatParameter } from './forms.js'
import { databaseTrouble, guarded, problems } from './problems.js'
import { array, count, flag, object, ref, type Schema, text } from './schemas.js'

const id: Schema = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The number of the batch.',
  schema: { type: 'integer', minimum: 1 },
}

const status: Schema = {
  name: 'status',
  in: 'query',
  required: false,
  description: 'Only batches with this status.',
  schema: { type: 'string', enum: batchStatuses },
}

const limit = (byDefault: number): Schema => ({
  name: 'limit',
  in: 'query',
  required: false,
  description: 'Maximum number to show.',
  schema: { type: 'integer', minimum: 1, maximum: maxRows, default: byDefault },
})

const after: Schema = {
  name: 'after',
  in: 'query',
  required: false,
  description: 'Only records after this one: for the next page, the `record` of the last row.',
  schema: { type: 'integer', minimum: 0, default: 0 },
}

const positive: Schema = { type: 'integer', minimum: 1 }

const listMeta = object({
  status: { type: ['string', 'null'], enum: [...batchStatuses, null] },
  limit: positive,
  more: { ...flag, description: 'Whether there are more than the limit.' },
  warnings: array(text),
})

const rejectsMeta = object({ batch: positive, rejected: count, limit: positive, after: count })

export const batchesPaths: Readonly<Record<string, Schema>> = {
  '/batches': {
    get: {
      operationId: 'listBatches',
      tags: ['batches'],
      summary: 'List the imports, newest first',
      parameters: [status, limit(defaultBatches), formatParameter()],
      responses: {
        200: {
          description: 'The batches.',
          content: contentIn(wireFormats, answerSchema('batches', array(ref('Batch')), listMeta)),
        },
        ...problems('usage', 'not_acceptable', 'internal_error', ...guarded, ...databaseTrouble),
      },
    },
  },
  '/batches/{id}': {
    get: {
      operationId: 'getBatch',
      tags: ['batches'],
      summary: 'Show one import: its counts, how it was read, whose duplicates it found',
      parameters: [id, formatParameter(['json'])],
      responses: {
        200: { description: 'The batch.', content: { 'application/json': { schema: ref('BatchDetail') } } },
        ...problems('usage', 'not_acceptable', 'batch_not_found', 'internal_error', ...guarded, ...databaseTrouble),
      },
    },
  },
  '/batches/{id}/rejects': {
    get: {
      operationId: 'listRejects',
      tags: ['batches'],
      summary: 'List the records of an import that are no events',
      parameters: [id, limit(defaultRejects), after, formatParameter(rejectFormats)],
      responses: {
        200: {
          description: 'The rejects, in the order of the file.',
          content: contentIn(rejectFormats, answerSchema('rejects', array(ref('Reject')), rejectsMeta)),
        },
        ...problems('usage', 'not_acceptable', 'batch_not_found', 'internal_error', ...guarded, ...databaseTrouble),
      },
    },
  },
}
