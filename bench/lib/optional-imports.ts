/** What `ea import` pays for rollups that are kept only where somebody asks for them. */
import type { LogFile } from './log-file.js'
import { ea } from './program.js'
import { steps } from './questions/funnel.js'
import { markdown, median, seconds } from './report.js'
import { query, type Server, withDatabase } from './server.js'

/** What is kept, from nothing on, as the arguments of `ea rollups add`. */
const choices: readonly (readonly string[])[] = [[], ['properties.country'], steps.map((step) => `event_type:${step}`)]

interface Taken {
  readonly seconds: number
  /** Of the last transaction, which is little else than the rollups. */
  readonly completingSeconds: number
}

/**
 * The same file into an empty database, in turn, with each choice of optional rollups.
 *
 * @returns a table
 * @throws Error when the rollups do not hold all events of the file that they are about
 */
export async function compareOptional(
  server: Server,
  file: LogFile,
  { rounds, note }: { rounds: number; note: (text: string) => void },
): Promise<string> {
  note(`Optional rollups, ${file.events} events`)
  const taken = choices.map((): Taken[] => [])
  const bytes: number[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const [index, fields] of choices.entries()) {
      await withDatabase(server, async (url) => {
        await ea(['db', 'migrate'], { DATABASE_URL: url })
        if (fields.length > 0) await ea(['rollups', 'add', ...fields], { DATABASE_URL: url })
        taken[index]!.push(await imported(url, file))
        bytes[index] = await requireWhole(url, fields)
      })
      note(`  ${shown(fields)}, round ${round}: ${taken[index]!.at(-1)!.seconds.toFixed(2)} s`)
    }
  }
  const whole = (index: number) => taken[index]!.map((one) => one.seconds)
  const completing = (index: number) => taken[index]!.map((one) => one.completingSeconds)
  return markdown(
    ['optional rollups', 'import', '/ import without', 'share of the rollups', 'MB of the optional ones'],
    choices.map((fields, index) => [
      shown(fields),
      seconds(whole(index)),
      (median(whole(index)) / median(whole(0))).toFixed(2),
      `${((100 * median(completing(index))) / median(whole(index))).toFixed(0)} %`,
      fields.length === 0 ? '' : (bytes[index]! / 1e6).toFixed(0),
    ]),
  )
}

function shown(fields: readonly string[]): string {
  return fields.length === 0 ? 'none' : `\`${fields.join(' ')}\``
}

async function imported(url: string, file: LogFile): Promise<Taken> {
  const done = await ea(['import', file.path, '--json'], { DATABASE_URL: url })
  const [batch] = (JSON.parse(done.stdout) as { batches: { inserted: number; phases: { completing?: number } }[] })
    .batches
  if (batch?.inserted !== file.events) throw new Error(`${file.path} is not stored whole:\n${done.stdout}`)
  return { seconds: done.seconds, completingSeconds: batch.phases.completing ?? 0 }
}

/** Every event that they are about is in them. @returns their size with indexes */
async function requireWhole(url: string, fields: readonly string[]): Promise<number> {
  const [row] = await query(
    url,
    `SELECT (SELECT coalesce(sum(events), 0) FROM ea.property_user_days)::float8 AS of_days,
            (SELECT coalesce(sum(cardinality(times)), 0) FROM ea.user_times)::float8 AS of_times,
            count(*) FILTER (WHERE properties ->> 'country' IS NOT NULL)::float8 AS with_property,
            count(*) FILTER (WHERE event_type IN (${steps.map((step) => `'${step}'`).join(', ')}))::float8 AS of_types,
            (SELECT sum(pg_total_relation_size('ea.' || name))::float8
               FROM unnest('{property_user_days,property_days,user_times}'::text[]) AS name) AS bytes
       FROM ea.events`,
  )
  const { of_days, of_times, with_property, of_types, bytes } = row as Record<string, number>
  const [days, times] = [fields[0]?.startsWith('properties.'), fields[0]?.startsWith('event_type:')]
  if (of_days !== (days ? with_property : 0) || of_times !== (times ? of_types : 0)) {
    throw new Error(`${shown(fields)}: the rollups do not hold what events holds: ${JSON.stringify(row)}`)
  }
  return bytes!
}
