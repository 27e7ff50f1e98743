/**
 * The same PostgreSQL asked without `ea`: the statement that an analyst would write over `events`, on a connection that
 * stays open and has the settings that `ea` gives to its own.
 */
import pg from 'pg'
import type { Rival } from './rivals.js'

/** As the server writes it: values are compared as text. */
const asText = { getTypeParser: () => (value: string) => value }

/** Opens a connection to a database of `ea`; `events` in a statement is its table. */
export async function plainSql(url: string): Promise<Rival> {
  const client = new pg.Client({ connectionString: url, types: asText as unknown as pg.CustomTypesConfig })
  await client.connect()
  // See `inReading` in src/lib/stats/query/run-stat.ts.
  await client.query(`SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET search_path = ea;
    SET work_mem = '128MB'; SET jit = off; SET parallel_tuple_cost = 0.01`)
  return {
    name: 'plain SQL',
    description: 'plain SQL on the same server, with the settings of `ea`',
    rows: async (text) => (await client.query({ text, rowMode: 'array' })).rows.map((row: string[]) => row.join(',')),
    close: () => client.end(),
  }
}
