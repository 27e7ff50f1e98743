/**
 * Exports of well-known tools, in small: what comes of them with flags, with the preset that is proposed for them, and with the
 * command that `ea inspect` prints. The files and what is expected of them are in exports/.
 */
import { readFileSync } from 'node:fs'
import { Parser } from '@oclif/core'
import { describe, expect, test } from 'vitest'
import { readingFlags } from '../../src/lib/cli/import/import-flags.js'
import { readingOptionsWith } from '../../src/lib/cli/import/preset-options.js'
import { inspectFile } from '../../src/lib/import/inspect.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { empty, importPath, type StoredEvent } from './import-helpers.js'

interface Expected {
  readonly occurred_at: string
  readonly user_id: string
  readonly event_type: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly event_id: string | null
}
interface Case {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly expect: readonly Expected[]
}

const folder = 'test/import/exports'
const cases = JSON.parse(readFileSync(`${folder}/cases.json`, 'utf8')) as Case[]
const database = sharedDatabase()

async function importWith(file: string, args: readonly string[]): Promise<readonly StoredEvent[]> {
  const { flags, metadata } = await Parser.parse([...args], { flags: readingFlags, strict: true })
  const isGiven = (flag: string) => metadata.flags[flag]?.setFromDefault !== true
  const options = await readingOptionsWith(flags, isGiven)
  await empty(database())
  const { events, rejects } = await importPath(database(), `${folder}/${file}`, { ...options, force: true })
  expect(rejects.map(({ code, line }) => `${code} in line ${line}`)).toEqual([])
  return events
}

const instant = (text: string) =>
  new Date(text).toISOString().slice(0, 19) + (/[.]\d+/.exec(text)?.[0] ?? '').replace(/0+$/, '').replace(/^[.]$/, '')

/** Events in the order of their times, as far as something is expected of them. */
function compared(events: readonly StoredEvent[], expected: readonly Expected[], hasIds: boolean) {
  type Placed = { readonly occurred_at: string; readonly user_id: string }
  const order = (a: Placed, b: Placed) => `${instantOf(a)} ${a.user_id}`.localeCompare(`${instantOf(b)} ${b.user_id}`)
  const instantOf = ({ occurred_at }: { occurred_at: string }) =>
    instant(occurred_at.endsWith('Z') ? occurred_at : `${occurred_at}Z`)
  const wanted = expected.toSorted(order)
  const found = events.toSorted(order).map((event, at) => {
    const properties = JSON.parse(event.properties) as Record<string, unknown>
    const keys = Object.keys(wanted[at]?.properties ?? {})
    return {
      occurred_at: instantOf(event),
      user_id: event.user_id,
      event_type: event.event_type,
      properties: Object.fromEntries(keys.map((key) => [key, properties[key]])),
      ...(hasIds && wanted[at]?.event_id && { event_id: event.event_id }),
    }
  })
  return {
    found,
    wanted: wanted.map(({ event_id, ...event }) => ({
      ...event,
      occurred_at: instantOf(event),
      ...(hasIds && event_id && { event_id }),
    })),
  }
}

test.each(cases.map((one) => [one.name, one] as const))(
  '%s, with flags',
  async (_, { file, args, expect: expected }) => {
    const { found, wanted } = compared(await importWith(file, args), expected, true)
    expect(found).toEqual(wanted)
  },
)

/** The preset that is proposed for each file; null where a mapping is guessed. */
const proposed: Readonly<Record<string, string | null>> = {
  'access.log': 'access-log',
  'alb.log': null,
  'amplitude.json.gz': 'amplitude',
  'amplitude.zip': 'amplitude',
  'cloudevents-batch.json': 'cloudevents',
  'appsflyer.csv': 'appsflyer',
  'cloudflare-rfc3339.ndjson': 'cloudflare',
  'cloudfront.tsv.gz': 'cloudfront',
  'common.log': 'common-log',
  'countly.ndjson': 'countly',
  'dynamodb-export.json.gz': null,
  'fluentbit.ndjson': null,
  'ga4.ndjson': 'ga4',
  'gharchive.json.gz': 'gharchive',
  'heap.ndjson': 'heap',
  'kafka-connect.ndjson': null,
  'matomo-visits.json': 'matomo',
  'mixpanel-local-epoch.ndjson': 'mixpanel',
  'mixpanel.ndjson.gz': 'mixpanel',
  'nginx-json.log': null,
  'no-header.csv': null,
  'no-type.csv': null,
  'openpanel.ndjson': 'openpanel',
  'otlp-logs.json': 'otlp-logs',
  'plausible-events.ndjson': 'plausible',
  'posthog.jsonl': 'posthog',
  'rees46.csv': 'rees46',
  'retailrocket.csv': 'retailrocket',
  'rudderstack.ndjson': 'segment',
  'segment-warehouse.ndjson': 'segment',
  'snowplow.ndjson': 'snowplow-json',
  'snowplow.tsv': 'snowplow',
  'stripe-list.json': 'stripe',
  'stripe.ndjson': 'stripe',
  'times-basic-iso.csv': null,
  'times-bigquery.csv': null,
  'times-comma-fraction.csv': null,
  'times-compact14.csv': null,
  'times-date-only.csv': null,
  'times-epoch-fraction.csv': null,
  'times-epoch-ns.csv': null,
  'times-eu-dotted.csv': null,
  'times-iso-offset.csv': null,
  'times-month-name.csv': null,
  'times-rfc2822.csv': null,
  'times-us-unpadded.csv': null,
  'two-columns.csv': null,
  'umami.csv': 'umami',
  'vector-embedded.ndjson': null,
  'wikimedia-recentchange.ndjson': 'wikimedia',
}

/** What a preset knows better than the flags of the case, or what nobody can guess. */
const changed: Readonly<Record<string, (event: Expected) => Partial<Expected>>> = {
  'umami.csv': ({ event_type }) => (event_type === '1' ? { event_type: 'pageview' } : {}),
  // Nothing in the file says that its clock shows local time.
  'mixpanel-local-epoch.ndjson': () => ({ occurred_at: '2024-06-10T06:13:20Z' }),
  'nginx-json.log': ({ event_type }) => ({ event_type: event_type === '/cart' ? 'GET' : 'POST' }),
  'rees46.csv': ({ properties }) => (properties.price ? { properties: { ...properties, price: 35.79 } } : {}),
}

describe('the command that ea inspect prints', () => {
  test.each(Object.entries(proposed))('%s: %s', async (file, preset) => {
    const { proposal } = await inspectFile(database(), `${folder}/${file}`)
    expect([proposal?.preset?.name ?? null, typeof proposal?.flags]).toEqual([preset, 'string'])
    const { expect: expected } = cases.find((one) => one.file === file)!
    const args = wordsOf(proposal!.flags)
    const meant = expected.map((event) => ({ ...event, ...changed[file]?.(event) }))
    const { found, wanted } = compared(await importWith(file, args), meant, preset !== null)
    expect({ args, found }).toEqual({ args, found: wanted })
  })
})

/** A command line as a shell cuts it. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"|\\(.)/g, '$1$2$3'),
  )
}
