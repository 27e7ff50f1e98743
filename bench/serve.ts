/**
 * What `ea serve` takes and answers: a large POST /events, many small ones, and a question at 16 connections, from the
 * cache and not. `npm ci --prefix bench` once, then `npm run bench:serve -- --write`; `--only post,events,stats`,
 * `--seconds 10` and `--events 1000000` make it short.
 *
 * The server is a process of its own, and so is PostgreSQL (see lib/server.ts); who sends is this process, on the same
 * cores. Nothing leaves the machine. The events of the questions are those of `bench:stats`, kept for the next run.
 */
import { deepStrictEqual } from 'node:assert'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { writeFigures } from './lib/document.js'
import { type Load, load } from './lib/load.js'
import { logFile } from './lib/log-file.js'
import { machine } from './lib/machine.js'
import { ea } from './lib/program.js'
import { type Line, line, seconds as secondsText, table } from './lib/report.js'
import { keptDatabase, query, type Server, withDatabase, withServer } from './lib/server.js'
import { type Serving, withServing } from './lib/serving.js'

const sections = ['post', 'events', 'stats'] as const
const { values: flags } = parseArgs({
  options: {
    /** Events behind the questions: 10,000,000 or 1,000,000. */
    events: { type: 'string', default: '10000000' },
    /** How long small requests are sent; a question is asked for a third of it, each way. */
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: sections.join() },
    /** Puts the table into docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
  },
})
const [behind, loadSeconds, rounds] = [Number(flags.events), Number(flags.seconds), Number(flags.rounds)]
const asked = flags.only.split(',')
const posted = 100_000
const lines: Line[] = []
/** Percent by which the server's memory may grow between the tenth second and the last. */
const flatPercent = 25
const jsonBody = { 'content-type': 'application/json' }

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

function add(...added: readonly Line[]): void {
  lines.push(...added)
  for (const { what, measured, against, figure, verdict } of added)
    note(`  ${what}: ${measured}; ${against} ${figure} ${verdict}`)
}

await withServer(async (server) => {
  const began = loadavg()[0]!
  if (asked.includes('post')) await postOnce(server)
  if (asked.includes('events')) await postMany(server)
  if (asked.includes('stats')) await askStats(server)
  const about = `${server.description}. ${machine()}; load ${began.toFixed(1)} before the first request.`
  process.stdout.write(`${about}\n\n${table(lines)}\n`)
  if (flags.write) await writeFigures('bench:serve', `${about}\n\n${table(lines)}`, 'Measured')
  if (lines.some((one) => one.verdict === 'MISSED')) process.exitCode = 1
})

/** All events in one request, into an empty schema each time; then the same question over HTTP and as a command. */
async function postOnce(server: Server): Promise<void> {
  const { stdout } = await ea(['generate', '--events', String(posted), '--format', 'ndjson'])
  const body = Buffer.from(`[${stdout.trimEnd().split('\n').join(',')}]`)
  note(`POST /events: ${posted} events, ${(body.length / 1e6).toFixed(1)} MB, ${rounds} rounds`)
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    await onFreshDatabase(server, async (url, serving) => {
      const start = performance.now()
      const answer = await fetch(`${serving.url}/events`, { method: 'POST', headers: jsonBody, body })
      const stored = await answer.text()
      times.push((performance.now() - start) / 1000)
      deepStrictEqual([answer.status, JSON.parse(stored).inserted], [200, posted], stored.slice(0, 500))
      const span = { from: '2025-01-01', to: '2025-03-31', as_of: '2025-06-01T00:00:00Z' }
      const overHttp = await (await fetch(`${serving.url}/stats/dau?${new URLSearchParams(span)}`)).json()
      const given = Object.entries(span).flatMap(([name, value]) => [`--${name.replace('_', '-')}`, value])
      const command = await ea(['stats', 'dau', ...given, '--json'], { DATABASE_URL: url })
      deepStrictEqual(overHttp, JSON.parse(command.stdout))
    })
  }
  const [slowest, size] = [Math.max(...times), `${(body.length / 1e6).toFixed(0)} MB, DAU as by \`ea stats dau\``]
  const target = { kind: 'at most', unit: ' s', gate: 2.5 } as const
  add(
    line(
      `POST /events, ${posted.toLocaleString('en')} events in one, slowest`,
      secondsText(times),
      size,
      slowest,
      target,
    ),
  )
}

/** One event in each request. Whatever was answered with 2xx must be stored at the end, once. */
async function postMany(server: Server): Promise<void> {
  note(`POST /events: one event in each, 64 connections, ${loadSeconds} s`)
  await onFreshDatabase(server, async (url, serving) => {
    const answered: string[] = []
    let next = 0
    const sending = load(serving.url, 64, loadSeconds, {
      method: 'POST',
      path: '/events',
      headers: jsonBody,
      setupRequest: (request, context) => {
        context.id = `00000000-0000-4000-8000-${(next++).toString(16).padStart(12, '0')}`
        return { ...request, body: JSON.stringify([event(context.id as string, next)]) }
      },
      onResponse: (status, _, { id }) => {
        if (status >= 200 && status < 300) answered.push(id as string)
      },
    })
    const earlySeconds = Math.min(10, loadSeconds / 2)
    const early = await sleep(1000 * earlySeconds).then(() => serving.residentMb())
    const done = await sending
    const late = await serving.residentMb()
    // What was queued is stored by and by.
    for (let tries = 0; (await serving.metric('ea_spool_events')) > 0 && tries < 300; tries++) await sleep(100)
    const stored = new Set((await query(url, 'SELECT event_id::text AS id FROM ea.events')).map(({ id }) => id))
    const missing = answered.filter((id) => !stored.has(id)).length
    if (missing > 0) throw new Error(`${missing} of ${answered.length} events that were answered are not stored`)
    requireAnswers(done, '200')
    const growth = (100 * (late - early)) / early
    add(
      latency('POST /events, one event, 64 connections', done, 100),
      line(
        ...([
          'memory of the server meanwhile: growth',
          `${late.toFixed(0)} MB`,
          `${early.toFixed(0)} MB after ${earlySeconds} s`,
        ] as const),
        ...([growth, { kind: 'at most', unit: ' %', gate: flatPercent }] as const),
      ),
    )
    note(`  ${answered.length} answered, all stored; ${stored.size} stored`)
  })
}

/** The same question again and again: answered from the cache, not asked for again, and computed each time. */
async function askStats(server: Server): Promise<void> {
  const url = await keptDatabase(server, `ea_bench_stats_${behind}_8`, (fresh) => fill(fresh))
  // One that was kept may be of an older release.
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  note(`GET /stats/dau: 365 days of ${behind} events, 16 connections, ${loadSeconds / 3} s each`)
  await withServing(url, async (serving) => {
    const path = '/stats/dau?from=2025-01-01&to=2025-12-31'
    const etag = (await fetch(`${serving.url}${path}`)).headers.get('etag')
    if (etag === null) throw new Error('GET /stats/dau has no ETag')
    const ask = { method: 'GET', path, headers: {} }
    const misses = () => serving.metric('ea_stat_duration_seconds_count', { cache: 'miss' })
    let [second, before] = [0, await misses()]
    const cached = await load(serving.url, 16, loadSeconds / 3, ask)
    requireAnswers(cached, '200')
    const computed = (await misses()) - before
    if (computed > 16) throw new Error(`${computed} answers were computed that should have come from the cache`)
    const same = await load(serving.url, 16, loadSeconds / 3, { ...ask, headers: { 'if-none-match': etag } })
    requireAnswers(same, '304')
    before = await misses()
    const fresh = await load(serving.url, 16, loadSeconds / 3, {
      ...ask,
      // Another now for each request: no answer is that of another.
      setupRequest: (request) => ({ ...request, path: `${path}&as_of=${moment(second++)}` }),
    })
    requireAnswers(fresh, '200')
    const [missed, heard] = [(await misses()) - before, fresh.statuses['200']!]
    if (missed < heard) throw new Error(`only ${missed} of ${heard} answers were computed`)
    const what = `GET /stats/dau, 365 days of ${behind / 1e6}M events`
    add(
      latency(`${what}, cached`, cached, 150),
      latency(`${what}, If-None-Match (304)`, same, 150),
      latency(`${what}, computed`, fresh),
    )
  })
}

function event(id: string, number: number): object {
  return {
    event_id: id,
    occurred_at: new Date().toISOString(),
    user_id: `u${number % 5000}`,
    event_type: 'view_item',
    properties: { item_id: `SKU${number % 300}`, price: 19.9, country: 'UA', session_id: 'a1b2c3d4' },
  }
}

function moment(second: number): string {
  return new Date(Date.UTC(2026, 0, 1) + 1000 * second).toISOString().replace('.000Z', 'Z')
}

async function onFreshDatabase(server: Server, use: (url: string, serving: Serving) => Promise<void>): Promise<void> {
  await withDatabase(server, async (url) => {
    await ea(['db', 'migrate'], { DATABASE_URL: url })
    await withServing(url, (serving) => use(url, serving))
  })
}

/** As `bench:stats` does, so that each finds what the other has loaded. */
async function fill(url: string): Promise<void> {
  const log = await logFile({ events: behind, users: Math.ceil(behind / 20), days: 365 })
  note(`ea import of ${log.events} events`)
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  await ea(['import', log.path, '--quiet'], { DATABASE_URL: url })
  await query(url, 'VACUUM ANALYZE')
}

/** @throws Error when any request had no answer, or one with another status */
function requireAnswers(done: Load, status: string): void {
  const others = Object.keys(done.statuses).filter((code) => code !== status)
  if (done.errors > 0 || others.length > 0 || done.statuses[status] === undefined) {
    throw new Error(`${done.errors} errors; answers by status: ${JSON.stringify(done.statuses)}`)
  }
}

function latency(what: string, done: Load, gateMs?: number): Line {
  const measured = `${done.rate.toFixed(0)} /s`
  const against = `p50 ${done.p50Ms} ms, p99 ${done.p99Ms} ms, max ${done.maxMs} ms`
  const target = { kind: 'at most', unit: ' ms', ...(gateMs === undefined ? {} : { gate: gateMs }) } as const
  return line(`${what}: p99`, measured, against, done.p99Ms, target)
}
