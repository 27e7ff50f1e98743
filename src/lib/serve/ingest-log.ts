/** What the intake tells of itself, as lines of the log and as figures for Prometheus. */
import type { FastifyBaseLogger } from 'fastify'
import type { IngestEvent } from '../ingest/ingest.js'
import type { SpoolEvent } from '../ingest/spool/events.js'
import { withoutValues } from './http/loggable.js'
import type { ServerMetrics } from './http/metrics.js'

/** Counts an event of the intake; what people should know of goes into the log, too. */
export function logIngestEvent(event: IngestEvent, metrics: ServerMetrics, log: FastifyBaseLogger | undefined): void {
  switch (event.type) {
    case 'stored':
      metrics.countEvents('inserted', event.inserted)
      metrics.countEvents('duplicate', event.duplicates)
      metrics.countEvents('pending', event.pending)
      metrics.countEvents('rejected', event.rejected)
      return
    case 'queued':
      metrics.countEvents('queued', event.events)
      return
    case 'committed':
      metrics.observeCommit(event.seconds)
      return
    case 'away':
      log?.warn({ reason: withoutValues(event.reason) }, 'the database is away: events go to the spool')
      return
    case 'busy':
      log?.warn({ reason: event.reason }, 'commits take long: events go to the spool')
      return
    case 'back':
      log?.info('the database is back')
      return
    case 'retrying':
      log?.warn({ attempt: event.attempt, reason: withoutValues(event.reason) }, 'a commit failed and is tried again')
      return
    case 'spool':
      noteSpoolEvent(event.event, log)
  }
}

/** What is away is told by the intake itself, or the next delivery tells it. */
function noteSpoolEvent({ kind, ...what }: SpoolEvent, log: FastifyBaseLogger | undefined): void {
  const { error, ...rest } = what as { error?: unknown }
  const line = { ...rest, ...(error === undefined ? {} : { err: error }) }
  if (kind === 'delivered' || kind === 'back') log?.info(line, `spool: ${kind}`)
  else if (kind === 'buried' || kind === 'damaged' || kind === 'refused') log?.error(line, `spool: ${kind}`)
  else log?.warn(line, `spool: ${kind}`)
}
