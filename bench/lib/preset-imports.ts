/** What exports of other tools cost beside plain events: the same events as records of Google Analytics 4 and of Mixpanel. */
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LogFile } from './log-file.js'
import { ea } from './program.js'
import { markdown, median, seconds } from './report.js'
import { type Server, withDatabase } from './server.js'

interface Event {
  readonly event_id: string
  readonly occurred_at: string
  readonly user_id: string
  readonly event_type: string
  readonly properties?: Readonly<Record<string, unknown>>
}

/** How each tool writes an event. */
const forms: Readonly<Record<string, (event: Event) => unknown>> = {
  ga4: (event) => ({
    event_date: event.occurred_at.slice(0, 10).replaceAll('-', ''),
    event_timestamp: String(Date.parse(event.occurred_at) * 1000),
    event_name: event.event_type,
    event_params: Object.entries({ ga_session_id: event.event_id.slice(0, 8), ...event.properties }).map(
      ([key, value]) => ({
        key,
        value: Number.isInteger(value) ? { int_value: String(value) } : { string_value: String(value) },
      }),
    ),
    event_bundle_sequence_id: String(Number.parseInt(event.event_id.slice(0, 8), 16)),
    user_pseudo_id: event.user_id,
    device: { category: 'mobile', language: 'en' },
    platform: 'WEB',
  }),
  mixpanel: (event) => ({
    event: event.event_type,
    properties: {
      time: Math.floor(Date.parse(event.occurred_at) / 1000),
      distinct_id: event.user_id,
      $insert_id: event.event_id,
      ...event.properties,
    },
  }),
}

/**
 * The lines as they are, and as each tool writes them, into an empty database in turn.
 *
 * @param lines plain events as NDJSON
 * @returns a table
 * @throws Error when one is not stored whole
 */
export async function comparePresets(
  server: Server,
  lines: LogFile,
  { rounds, note }: { rounds: number; note: (text: string) => void },
): Promise<string> {
  note(`Exports of other tools, ${lines.events} events`)
  const files = [
    { what: 'plain NDJSON', path: lines.path, args: [] as string[] },
    ...(await Promise.all(
      Object.keys(forms).map(async (preset) => ({
        what: `\`--preset ${preset}\``,
        path: await writtenAs(preset, lines.path),
        args: ['--preset', preset],
      })),
    )),
  ]
  const taken = files.map((): number[] => [])
  for (let round = 1; round <= rounds; round++) {
    for (const [index, { what, path, args }] of files.entries()) {
      const took = await withDatabase(server, (url) => imported(url, path, args, lines.events))
      taken[index]!.push(took)
      note(`  ${what}, round ${round}: ${took.toFixed(2)} s`)
    }
  }
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size))
  return markdown(
    ['export', 'MB', 'import', '/ plain NDJSON'],
    files.map(({ what }, index) => [
      what,
      (sizes[index]! / 1e6).toFixed(0),
      seconds(taken[index]!),
      (median(taken[index]!) / median(taken[0]!)).toFixed(2),
    ]),
  )
}

async function writtenAs(preset: string, path: string): Promise<string> {
  const written = path.replace(/(?=\.[a-z]+$)/, `_as-${preset}`)
  if (await stat(written).catch(() => undefined)) return written
  async function* records() {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      yield `${JSON.stringify(forms[preset]!(JSON.parse(line) as Event))}\n`
    }
  }
  await pipeline(Readable.from(records()), createWriteStream(`${written}.part`))
  await rename(`${written}.part`, written)
  return written
}

async function imported(url: string, path: string, args: readonly string[], events: number): Promise<number> {
  await ea(['db', 'migrate'], { DATABASE_URL: url })
  const done = await ea(['import', path, ...args, '--json'], { DATABASE_URL: url })
  const { totals } = JSON.parse(done.stdout) as { totals: { inserted: number } }
  if (totals.inserted !== events) throw new Error(`${path} is not stored whole:\n${done.stdout}`)
  return done.seconds
}
