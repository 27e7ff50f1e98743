/**
 * Reads a segment that a crash, a power cut or a bad disk may have harmed, and repairs it: what a cut write left behind is
 * cut off, what was whole once and is not any more becomes a dead letter, and every good request goes on.
 */
import { open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { inTurns } from '../../core/in-turns.js'
import { removeDurably, writeDurably } from '../../os/durable-files.js'
import { deadLetterDamage } from './dead-letters.js'
import type { OnSpoolEvent } from './events.js'
import { type Damage, encodeAll, newSegmentName, type SpoolSegment, scanSegment, segmentOfFile } from './segment.js'

/** What is known of a segment without reading it. */
export interface SegmentSummary {
  readonly name: string
  readonly sequence: number
  readonly bytes: number
  readonly requests: number
  readonly events: number
  readonly oldestAt: Date | null
}

export interface RecoveryOptions {
  /** Whether it is the one that was written to when the process ended: only there a bad end is a cut write. */
  readonly isNewest: boolean
  readonly onEvent: OnSpoolEvent
  /** How many bytes of the file are meant to be there; default all. */
  readonly limitBytes?: number
}

export function segmentPath(folder: string, name: string): string {
  return join(folder, `${name}.ndjson`)
}

/** The segments of a spool that no process writes to, in order, all of them repaired. Removes what interrupted writes drafted. */
export async function recoverAll(folder: string, onEvent: OnSpoolEvent): Promise<SegmentSummary[]> {
  const files = (await readdir(folder)).sort()
  for (const file of files) if (file.endsWith('.tmp')) await rm(join(folder, file), { force: true })
  const names = files.flatMap((file) => segmentOfFile(file)?.name ?? [])
  const summaries: SegmentSummary[] = []
  for (const [index, name] of names.entries()) {
    const segment = await readRecovered(folder, name, { isNewest: index === names.length - 1, onEvent })
    if (segment !== undefined) summaries.push(summarize(segment))
  }
  return summaries
}

/** The requests of a segment, which has another name when it had to be written anew; undefined when it has none. */
export async function readRecovered(
  folder: string,
  name: string,
  options: RecoveryOptions,
): Promise<SpoolSegment | undefined> {
  const path = segmentPath(folder, name)
  const content = (await readFile(path)).subarray(0, options.limitBytes)
  const { requests, goodBytes, damage } = await inTurns(scanSegment(name, content))
  const last = damage.at(-1)
  const isTorn = last !== undefined && last.to === content.length && (options.isNewest || last.reason === 'only zeros')
  if (isTorn) {
    await cutOff(path, last.from)
    options.onEvent({ kind: 'torn', segment: name, bytes: last.to - last.from, reason: last.reason })
  }
  const harmed = isTorn ? damage.slice(0, -1) : damage
  if (harmed.length === 0 && requests.length > 0) return { name, requests, bytes: goodBytes }
  for (const piece of harmed) await keepDamage(folder, name, content, piece, options.onEvent)
  const segment = requests.length === 0 ? undefined : await writeAnew(folder, name, requests)
  await removeDurably(path)
  return segment
}

/**
 * The good requests under a new name. Parts are known to the database by segment and number, and without the damaged
 * request the numbers mean other requests: under the old name some would pass for stored.
 */
async function writeAnew(folder: string, oldName: string, requests: SpoolSegment['requests']): Promise<SpoolSegment> {
  const name = newSegmentName(segmentOfFile(`${oldName}.ndjson`)!.sequence)
  const buffers = await encodeAll(name, requests)
  await writeDurably(segmentPath(folder, name), buffers)
  return { name, requests, bytes: buffers.reduce((sum, { length }) => sum + length, 0) }
}

async function keepDamage(
  folder: string,
  segment: string,
  content: Buffer,
  { from, to, reason }: Damage,
  onEvent: OnSpoolEvent,
): Promise<void> {
  const message = `Bytes ${from} to ${to} of the segment are no request any more: ${reason}.`
  const why = { code: 'damaged', message, at: new Date().toISOString(), attempts: 0 }
  await deadLetterDamage(folder, segment, from, content.subarray(from, to), why)
  onEvent({ kind: 'damaged', segment, bytes: to - from, reason })
}

async function cutOff(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.truncate(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function summarize({ name, bytes, requests }: SpoolSegment): SegmentSummary {
  return {
    name,
    sequence: segmentOfFile(`${name}.ndjson`)!.sequence,
    bytes,
    requests: requests.length,
    events: requests.reduce((sum, { good }) => sum + good, 0),
    oldestAt: requests.reduce<Date | null>((oldest, { receivedAt }) => earlier(oldest, receivedAt), null),
  }
}

export function earlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other
  return other < one ? other : one
}
