/** Settings of PostgreSQL for one statement of a transaction; the next one may want others. */
import { sql } from 'kysely'
import type { Session } from '../../db/connect.js'

/** Runs with settings, and puts back what they were. */
export async function withSettings<T>(
  s: Session,
  settings: Readonly<Record<string, string>>,
  run: () => Promise<T>,
): Promise<T> {
  const before = await change(s, settings)
  const result = await run()
  await change(s, before)
  return result
}

/** @returns what the settings were */
async function change(s: Session, settings: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const [names, values] = [Object.keys(settings), Object.values(settings)]
  const { rows } = await sql<{ before: string[] }>`
    WITH earlier AS MATERIALIZED (SELECT array_agg(current_setting(name)) AS before FROM unnest(${names}::text[]) AS name)
    SELECT before, set_config(name, value, true)
    FROM earlier CROSS JOIN unnest(${names}::text[], ${values}::text[]) AS wanted (name, value)`.execute(s.q)
  return Object.fromEntries(names.map((name, index) => [name, rows[0]!.before[index]!]))
}
