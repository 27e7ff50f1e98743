/**
 * Cuts a segment into the parts that are stored in one transaction each. The database remembers parts by their number,
 * so the cut depends on what the segment holds and on nothing else: not on time, settings, or what is stored already.
 */
import type { SpooledRequest, SpoolPart } from '../body/request.js'
import type { SpoolSegment } from './segment.js'

// Never to be changed while segments that were cut otherwise may lie in a spool.
const maxLines = 50_000
const maxBytes = 16 * 1024 * 1024

/**
 * Runs of neighbouring requests of one kind, at most 50,000 lines and 16 MB, at least one request. A request that is
 * stored whole or not at all stands alone; an Idempotency-Key that its sender repeats starts a new part, because the
 * second one must see the answer of the first.
 */
export function partsOf(segment: Pick<SpoolSegment, 'name' | 'requests'>): SpoolPart[] {
  const runs: SpooledRequest[][] = []
  let lines = 0
  let bytes = 0
  let keys = new Set<string>()
  for (const request of segment.requests) {
    const run = runs.at(-1)
    const key = keyOf(request)
    const fits =
      run !== undefined &&
      !request.atomic &&
      !run[0]!.atomic &&
      run[0]!.kind === request.kind &&
      lines + request.good <= maxLines &&
      bytes + request.lines.length <= maxBytes &&
      !(key !== undefined && keys.has(key))
    if (!fits) {
      runs.push([])
      lines = 0
      bytes = 0
      keys = new Set()
    }
    runs.at(-1)!.push(request)
    lines += request.good
    bytes += request.lines.length
    if (key !== undefined) keys.add(key)
  }
  return runs.map((requests, part) => ({ segment: segment.name, part, requests }))
}

function keyOf({ sender, idempotency }: SpooledRequest): string | undefined {
  return idempotency && JSON.stringify([sender, idempotency.key])
}
