/**
 * What a spool could not deliver, or cannot read any more, with the reason beside it: `dead-letter/NAME.ndjson` in the
 * form of a segment, so that it can be put back, or `NAME.damaged`, bytes that are kept for a person; and
 * `NAME.reason.json`.
 */
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { inTurns } from '../../core/in-turns.js'
import { removeDurably, syncFolder, writeDurably } from '../../os/durable-files.js'
import type { SpooledRequest, SpoolPart } from '../body/request.js'
import { encodeAll, scanSegment, segmentOfLetter } from './segment.js'
import { deadLetterFolder } from './spool-folder.js'

const reasonFields = z.object({
  /** Of the catalogue, an SQLSTATE, or what the system calls it. */
  code: z.string(),
  message: z.string(),
  /** ISO 8601, UTC. */
  at: z.string(),
  attempts: z.int(),
})
/** Why something is a dead letter. */
export type DeadLetterReason = Readonly<z.output<typeof reasonFields>>

export interface DeadLetter {
  readonly name: string
  /** Whether it holds whole requests; else bytes that are none. */
  readonly canRetry: boolean
  readonly bytes: number
  /** Null when its file is gone. */
  readonly reason: DeadLetterReason | null
}

const ends = { requests: '.ndjson', damaged: '.damaged' } as const
const reasonEnd = '.reason.json'

/** How a dead letter of a part is called. */
export function partLetterName({ segment, part, request }: SpoolPart): string {
  return request === undefined ? `${segment}-${part}` : `${segment}-${part}-${request}`
}

/** Keeps a part as a dead letter, durably. One of the same name is replaced. */
export async function deadLetterPart(folder: string, part: SpoolPart, reason: DeadLetterReason): Promise<void> {
  const content = await encodeAll(part.segment, part.requests)
  await bury(folder, `${partLetterName(part)}${ends.requests}`, content, reason)
}

/** Keeps damaged bytes of a segment as a dead letter, durably. @param from their place in the segment */
export async function deadLetterDamage(
  folder: string,
  segment: string,
  from: number,
  content: Buffer,
  reason: DeadLetterReason,
): Promise<string> {
  const name = `${segment}-at-${from}`
  await bury(folder, `${name}${ends.damaged}`, [content], reason)
  return name
}

/** Moves the file of a whole segment, which cannot be read: the disk may give it back another day. */
export async function deadLetterSegment(folder: string, segment: string, reason: DeadLetterReason): Promise<void> {
  const file = `${segment}-all${ends.requests}`
  await writeReason(folder, file, reason)
  await rename(join(folder, `${segment}${ends.requests}`), join(deadLetterFolder(folder), file))
  await syncFolder(deadLetterFolder(folder))
  await syncFolder(folder)
}

async function bury(folder: string, file: string, content: readonly Buffer[], reason: DeadLetterReason): Promise<void> {
  // The reason comes first: a dead letter without one would be a riddle.
  await writeReason(folder, file, reason)
  await writeDurably(join(deadLetterFolder(folder), file), content)
}

async function writeReason(folder: string, file: string, reason: DeadLetterReason): Promise<void> {
  const path = join(deadLetterFolder(folder), withoutEnd(file) + reasonEnd)
  await writeDurably(path, [Buffer.from(`${JSON.stringify(reason, null, 2)}\n`)])
}

/** The dead letters of a spool, oldest first; none when there is no such folder. */
export async function listDeadLetters(folder: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for (const file of (await filesOf(deadLetterFolder(folder))).sort()) {
    if (!file.endsWith(ends.requests) && !file.endsWith(ends.damaged)) continue
    const path = join(deadLetterFolder(folder), file)
    const bytes = await stat(path).then(
      ({ size }) => size,
      () => undefined,
    )
    // Another process has put it back in this moment.
    if (bytes === undefined) continue
    const reason = await reasonOf(withoutEnd(path) + reasonEnd)
    letters.push({ name: withoutEnd(file), canRetry: file.endsWith(ends.requests), bytes, reason })
  }
  return letters
}

/** The whole requests of a dead letter that can be retried. */
export async function readDeadLetter(
  folder: string,
  name: string,
): Promise<{ requests: readonly SpooledRequest[]; isDamaged: boolean }> {
  const content = await readFile(join(deadLetterFolder(folder), name + ends.requests))
  const { requests, damage } = await inTurns(scanSegment(segmentOfLetter(name), content))
  return { requests, isDamaged: damage.length > 0 }
}

export async function removeDeadLetter(folder: string, name: string): Promise<void> {
  await removeDurably(join(deadLetterFolder(folder), name + ends.requests))
  await removeDurably(join(deadLetterFolder(folder), name + reasonEnd))
}

function withoutEnd(file: string): string {
  return file.slice(0, file.lastIndexOf('.'))
}

async function reasonOf(path: string): Promise<DeadLetterReason | null> {
  const text = await readFile(path, 'utf8').catch(() => '')
  try {
    return reasonFields.parse(JSON.parse(text))
  } catch {
    return null
  }
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
