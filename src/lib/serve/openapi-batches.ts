/** The paths of imports: what came in, from files and over HTTP. */
import { batchStatuses } from '../batches/batch-json.js'
import { databaseTrouble, guarded, problems } from './openapi-problems.js'
import { array, count, flag, nullable, object, ref, type Schema, text } from './openapi-schemas.js'

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
  description: 'Only batches in this state.',
  schema: { type: 'string', enum: batchStatuses },
}

const limit: Schema = {
  name: 'limit',
  in: 'query',
  required: false,
  description: 'At most so many.',
  schema: { type: 'integer', minimum: 1 },
}

const inForms = (row: string, json: Schema) => ({
  'application/json': { schema: json },
  'application/x-ndjson': { schema: { ...text, description: `One line for each row, each like ${row}.` } },
  'text/csv': { schema: { ...text, description: 'A header, and one record for each row (RFC 4180).' } },
})

const positive: Schema = { type: 'integer', minimum: 1 }

export const batchesPaths: Readonly<Record<string, Schema>> = {
  '/batches': {
    get: {
      operationId: 'listBatches',
      tags: ['batches'],
      summary: 'List the imports, newest first',
      parameters: [status, limit],
      responses: {
        200: {
          description: 'The batches.',
          content: inForms(
            'Batch',
            object({
              metric: { const: 'batches' },
              data: array(ref('Batch')),
              meta: object({
                status: { type: ['string', 'null'], enum: [...batchStatuses, null] },
                limit: positive,
                more: { ...flag, description: 'Whether there are more than the limit.' },
              }),
            }),
          ),
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
      parameters: [id],
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
      parameters: [id, limit],
      responses: {
        200: {
          description: 'The rejects, in the order of the file.',
          content: inForms(
            'Reject',
            object({
              metric: { const: 'rejects' },
              data: array(ref('Reject')),
              meta: object({ batch: positive, rejected: count, limit: nullable(positive) }),
            }),
          ),
        },
        ...problems('usage', 'not_acceptable', 'batch_not_found', 'internal_error', ...guarded, ...databaseTrouble),
      },
    },
  },
}
