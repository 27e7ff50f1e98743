/** The paths of imports: what came in, from files and over HTTP. */
import { guarded, problems } from './openapi-problems.js'
import { array, count, object, ref, type Schema } from './openapi-schemas.js'

const fromDatabase = ['database_unreachable', 'database_refused', 'database_not_migrated', 'query_timeout'] as const

export const batchId: Schema = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The number of the batch.',
  schema: { type: 'integer', minimum: 1 },
}

const limit = (byDefault: number): Schema => ({
  name: 'limit',
  in: 'query',
  required: false,
  description: 'At most so many.',
  schema: { type: 'integer', minimum: 1, default: byDefault },
})

const status: Schema = {
  name: 'status',
  in: 'query',
  required: false,
  description: 'Only batches in this state.',
  schema: { type: 'string', enum: ['loading', 'completed', 'failed', 'undone'] },
}

export const batchesPaths: Readonly<Record<string, Schema>> = {}
void [guarded, problems, array, count, object, ref, fromDatabase, limit, status]
