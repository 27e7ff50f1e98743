/** What the commands under `ea spool` tell: as lines for people, and with the names of the JSON. */
import type { DrainResult } from '../../ingest/spool/delivery.js'
import type { SpoolEvent } from '../../ingest/spool/events.js'
import type { SpoolStatus } from '../../ingest/spool/status.js'
import { counted, grouped, human, visible } from '../../present/tables/cell-text.js'
import { instantText } from '../import/import-text.js'

/** The state of a spool with the names of the JSON. */
export function spoolJson(status: SpoolStatus): Record<string, unknown> {
  return {
    folder: status.folder,
    holder_pid: status.holderPid,
    segments: status.segments,
    requests: status.requests,
    events: status.events,
    bytes: status.bytes,
    oldest_at: status.oldestAt?.toISOString() ?? null,
    dead_letters: status.deadLetters.map(({ name, canRetry, bytes, reason }) => ({
      name,
      can_retry: canRetry,
      bytes,
      reason,
    })),
  }
}

/** The state of a spool in lines of `name  value`, and a line for each dead letter. */
export function spoolText(status: SpoolStatus): string {
  const { holderPid, requests, events, segments, bytes, oldestAt, deadLetters } = status
  const letters = deadLetters.map(({ name, bytes: size, canRetry, reason }) => {
    const why = reason === null ? 'the reason is lost' : `${reason.code}: ${visible(reason.message)}`
    return `  ${name}  ${human(size, 'bytes', true)}  ${why}${canRetry ? '' : ' (cannot be retried)'}`
  })
  return [
    ['folder', status.folder],
    ['used by', holderPid === null ? 'no process' : `process ${holderPid}`],
    [
      'waiting',
      requests === 0
        ? 'nothing'
        : `${counted(events, 'event')} in ${counted(requests, 'request')} (${counted(segments, 'segment')}, ${human(bytes, 'bytes', true)})`,
    ],
    ...(oldestAt === null ? [] : [['oldest', instantText(oldestAt)]]),
    ['dead letters', grouped(deadLetters.length)],
  ]
    .map(([name, value]) => `${name!.padEnd(14)}${value}`)
    .concat(letters)
    .join('\n')
}

/** What was drained with the names of the JSON. */
export function drainedJson(folder: string, drained: DrainResult): Record<string, unknown> {
  return {
    folder,
    parts: drained.parts,
    requests: drained.requests,
    events: drained.events,
    dead_letters: drained.buried,
  }
}

/** What was drained, in a line. */
export function drainedText({ requests, events, buried }: DrainResult): string {
  if (requests === 0 && buried === 0) return 'The spool is empty.'
  const done = `Delivered ${counted(events, 'event')} of ${counted(requests, 'request')}.`
  return buried === 0 ? done : `${done} ${deadText(buried)}`
}

/** What to know about parts that nobody took. */
export function deadText(buried: number): string {
  return `${counted(buried, 'part')} could not be delivered and ${buried === 1 ? 'is a dead letter' : 'are dead letters'} now: \`ea spool status\` says why.`
}

export interface Retried {
  readonly names: readonly string[]
  readonly requests: number
  readonly events: number
}

/** What was put back, in a line. */
export function retriedText({ names, requests, events }: Retried): string {
  if (names.length === 0) return 'There is nothing to put back.'
  return `Put ${counted(names.length, 'dead letter')} back: ${counted(events, 'event')} of ${counted(requests, 'request')}. They are delivered by \`ea spool drain\`, or by \`ea serve\` when it runs next.`
}

/** What a person should hear while a spool is opened or drained; undefined for what is told at the end. */
export function spoolEventText(event: SpoolEvent): string | undefined {
  switch (event.kind) {
    case 'torn':
      return `Cut off ${human(event.bytes, 'bytes', true)} that a crash had left half-written (${event.reason}); they had not been confirmed to anyone.`
    case 'damaged':
      return `${human(event.bytes, 'bytes', true)} of segment ${event.segment} are damaged (${event.reason}); they are a dead letter now.`
    case 'away':
      return `The database is away, waiting for it: ${messageOf(event.error)}`
    case 'back':
      return 'The database is back.'
    case 'retrying':
      return `Part ${event.part} of segment ${event.segment} failed (attempt ${event.attempt}): ${messageOf(event.error)}`
    case 'stuck':
      return `The spool cannot go on, waiting: ${messageOf(event.error)}`
    case 'buried':
      return `Part ${event.part} of segment ${event.segment} is a dead letter now: ${visible(event.message)}`
    default:
      return undefined
  }
}

function messageOf(error: unknown): string {
  return visible(error instanceof Error ? error.message : String(error))
}
