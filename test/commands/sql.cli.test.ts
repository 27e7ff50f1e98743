/** `ea sql` as a user runs it: the statement as an argument, from a file and from standard input, in the formats of stats. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce, ea } from '../support/binary.js'
import { freshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

beforeAll(builtOnce)

test('a statement comes from the argument, a file or standard input, and is answered in every format', async () => {
  const { url, drop } = await freshDatabase()
  try {
    await withScratchFolder(async (folder) => {
      const run = (args: readonly string[], input?: string) =>
        ea(['sql', ...args], { env: { DATABASE_URL: url }, ...(input === undefined ? {} : { input }) })
      const file = join(folder, 'one.sql')
      await writeFile(file, 'SELECT 1 AS n, NULL AS none;\n')
      expect((await run(['-f', file, '--format', 'csv'])).stdout).toBe('n,none\r\n1,\r\n')
      expect((await run(['--format', 'ndjson'], 'VALUES (1.50), (2)')).stdout).toBe('{"column1":1.5}\n{"column1":2}\n')
      expect((await run(['-', '--format', 'md'], 'SELECT 3 AS n')).stdout).toContain('| 3 |')
      const { data, meta } = JSON.parse((await run(['SELECT count(*) AS n FROM visible_events', '--json'])).stdout)
      expect([data, meta.rows, meta.warnings]).toEqual([[{ n: 0 }], 1, []])
      for (const [args, exitCode, message] of [
        [['DROP TABLE events'], 2, /begins with DROP/],
        [['SELECT pg_sleep(9)', '--query-timeout', '50ms'], 5, /query_timeout/],
        [['SELECT x'], 2, /sql_refused.*column "x" does not exist\n {2}SELECT x\n {9}\^/s],
        [['SELECT 1', '-f', file], 2, /given twice/],
        [['-f', join(folder, 'none.sql')], 4, /file_not_found/],
      ] as const) {
        const ended = await run(args)
        expect([ended.code, ended.stderr]).toEqual([exitCode, expect.stringMatching(message)])
      }
    })
  } finally {
    await drop()
  }
})
