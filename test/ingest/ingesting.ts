/** Requests made by hand, for tests of what becomes of them. */
import { createHash, randomUUID } from 'node:crypto'
import { readBody } from '../../src/lib/ingest/body/body.js'
import type { IngestRequest } from '../../src/lib/ingest/body/request.js'

export interface GivenRequest {
  readonly sender?: string
  readonly receivedAt?: Date
  readonly atomic?: boolean
  readonly key?: string
}

/** A request with this body: values are written as JSON, a text is taken as it is. */
export async function requestOf(body: unknown, given: GivenRequest = {}): Promise<IngestRequest> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const bytes = Buffer.from(text)
  return {
    id: randomUUID(),
    kind: 'events',
    sender: given.sender ?? 'test',
    receivedAt: given.receivedAt ?? new Date(),
    chunk: await readBody(bytes, 'json'),
    bytes: bytes.length,
    atomic: given.atomic ?? false,
    ...(given.key === undefined
      ? {}
      : { idempotency: { key: given.key, bodySha256: createHash('sha256').update(bytes).digest() } }),
  }
}

/** An id that is told apart by a small number. */
export const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** A good event. */
export function eventOf(n: number, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return { event_id: idOf(n), occurred_at: '2025-10-06T10:00:00Z', user_id: `u${n % 7}`, event_type: 'view', ...fields }
}
