/**
 * What the server counts, for Prometheus. One registry for each server, so that two in one process do not mix. Labels
 * come from short lists only (patterns of routes, names of stats): nothing that a client writes becomes a label.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { IngestState } from '../../ingest/ingest.js'

export interface ServerMetrics {
  countEvents(outcome: 'inserted' | 'duplicate' | 'rejected' | 'pending' | 'queued', events: number): void
  observeStat(stat: string, cache: 'hit' | 'miss', seconds: number): void
  /** A request has been answered. */
  observeRequest(method: string, route: string, status: number, seconds: number): void
  /** Events of one or more requests have been committed together. */
  observeCommit(seconds: number): void
  /** From now on the state of the intake is shown. */
  watch(intake: { readonly state: IngestState }): void
  /** All of it in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

/**
 * @example
 * const metrics = createMetrics()
 * metrics.countEvents('inserted', 3)
 * await metrics.text() // '# HELP ea_events_total …'
 */
export function createMetrics(): ServerMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const events = new Counter({
    name: 'ea_events_total',
    help: 'Events that came over HTTP, by what became of them.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of ['inserted', 'duplicate', 'rejected', 'pending', 'queued']) events.inc({ outcome }, 0)
  const requests = new Histogram({
    name: 'ea_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames: ['method', 'route', 'status_class'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const stats = new Histogram({
    name: 'ea_stat_duration_seconds',
    help: 'Time to answer a stat, from the cache or from the database.',
    labelNames: ['stat', 'cache'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const commits = new Histogram({
    name: 'ea_commit_duration_seconds',
    help: 'Time to store events of HTTP in one transaction.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  return {
    countEvents: (outcome, count) => events.inc({ outcome }, count),
    observeStat: (stat, cache, seconds) => stats.observe({ stat, cache }, seconds),
    observeCommit: (seconds) => commits.observe(seconds),
    observeRequest(method, route, status, seconds) {
      const labels = {
        method: methods.has(method) ? method : 'other',
        route,
        status_class: `${Math.floor(status / 100)}xx`,
      }
      requests.observe(labels, seconds)
    },
    watch(intake) {
      const gauge = (name: string, help: string, value: (state: IngestState) => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(value(intake.state))
          },
        })
      gauge('ea_spool_segments', 'Files of the spool.', ({ spool }) => spool.segments)
      gauge('ea_spool_events', 'Events in the spool, which wait for the database.', ({ spool }) => spool.events)
      gauge('ea_spool_bytes', 'Size of the spool.', ({ spool }) => spool.bytes)
      gauge('ea_spool_dead_letters', 'What the spool could not deliver.', ({ spool }) => spool.deadLetters)
      gauge('ea_database_up', 'Whether the database took the last commit.', (state) => (state.isDatabaseUp ? 1 : 0))
      gauge('ea_requests_waiting', 'Requests with events that wait for their commit.', (state) => state.waiting)
      gauge(
        'ea_last_batch_timestamp_seconds',
        'When events over HTTP were last stored; 0: never since the start.',
        (state) => (state.lastCommitAt?.getTime() ?? 0) / 1000,
      )
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
