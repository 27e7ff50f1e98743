/** Requests for tests of the spool, and what a spool holds. */
import { createHash, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { SpooledRequest } from '../../../src/lib/ingest/body/request.js'
import type { Spool } from '../../../src/lib/ingest/spool/spool.js'

/** A request with so many lines; what is not said is plain. */
export function spooled(changes: Partial<SpooledRequest> & { padding?: number } = {}): SpooledRequest {
  const { padding = 0, ...rest } = changes
  const id = rest.id ?? randomUUID()
  const good = rest.good ?? 1
  const lines = Buffer.from(`${JSON.stringify({ event_id: id, note: 'x'.repeat(padding) })}\n`.repeat(good))
  return {
    id,
    kind: 'events',
    sender: 'anonymous',
    receivedAt: new Date('2025-08-31T10:20:30.123Z'),
    bytes: lines.length,
    atomic: false,
    lines,
    good,
    structuralRejects: 0,
    ...rest,
  }
}

/** Any request: odd names, lines that look like headers, none at all. */
export const anyRequest = (lookalike = ''): fc.Arbitrary<SpooledRequest> =>
  fc
    .record({
      id: fc.uuid(),
      kind: fc.constantFrom('events' as const, 'collect' as const),
      sender: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
      receivedAt: fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
      atomic: fc.boolean(),
      bytes: fc.nat(),
      structuralRejects: fc.nat(10),
      key: fc.option(fc.string({ minLength: 1, maxLength: 10 })),
      texts: fc.array(fc.oneof(fc.json(), fc.constant(lookalike || '{}'), fc.constant('{"segment":"x"}')), {
        maxLength: 5,
      }),
    })
    .map(({ key, texts, ...rest }) => ({
      ...rest,
      ...(key === null ? {} : { idempotency: { key, bodySha256: createHash('sha256').update(texts.join()).digest() } }),
      lines: Buffer.from(texts.map((text) => `${text.replaceAll('\n', ' ')}\n`).join('')),
      good: texts.length,
    }))

/** Takes everything out of a spool, in its order. */
export async function takeAll(spool: Spool): Promise<SpooledRequest[]> {
  const all: SpooledRequest[] = []
  for (let segment = await spool.oldest(); segment !== undefined; segment = await spool.oldest()) {
    all.push(...segment.requests)
    await spool.remove(segment)
  }
  return all
}

export const idsOf = (requests: readonly SpooledRequest[]) => requests.map(({ id }) => id)
