/** Logins that fail at a server that asks for passwords: each ends at once with its own text, and leaves no connection behind. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { EaError } from '../../src/lib/core/errors.js'
import { withEmbeddedServer } from '../../src/lib/db/embedded/server.js'
import { withDatabase } from '../../src/lib/db/open.js'
import { admin } from '../support/postgres/database.js'
import { temporaryFolder } from '../support/postgres/server.js'

const open = (url: string) =>
  withDatabase({ databaseUrl: url, schema: 'ea', dataDir: '' }, (db) => db.pool.query('SELECT 1'), { migrated: false })

test('a server that asks for passwords', async () => {
  const folder = await temporaryFolder()
  const hba = join(folder, 'pg_hba.conf')
  await writeFile(hba, 'local all ea trust\nlocal all old md5\nlocal all plain password\nlocal all all scram-sha-256\n')
  await chmod(hba, 0o644)
  await withEmbeddedServer(
    join(folder, 'data'),
    async (url) => {
      const password = 'p@ss/#%?:wörd'
      for (const role of ['ann', 'old', 'plain']) await admin(url, `CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
      const host = new URL(url).searchParams.get('host')!
      const as = (login: string) => `postgresql://${login}@localhost/ea?host=${host}`
      for (const role of ['ann', 'old', 'plain']) {
        const failed = async (login: string) => {
          const beganMs = performance.now()
          const error = await open(as(login)).then(
            () => undefined,
            (thrown: EaError) => thrown,
          )
          // Not after a minute, when the server gives up.
          expect(performance.now() - beganMs).toBeLessThan(30_000)
          return error
        }
        const without = await failed(role)
        expect(without).toMatchObject({ code: 'database_unreachable', exitCode: 5 })
        expect(without?.message).toBe(`The server asks for the password of user "${role}", and none is given.`)
        const wrong = await failed(`${role}:wrong`)
        expect(wrong).toMatchObject({ code: 'database_unreachable', exitCode: 5 })
        expect(wrong?.message).toContain(
          `The server refused the password: password authentication failed for user "${role}"`,
        )
        expect(wrong?.suggestions.join(' ')).toContain('Percent-encode')
        await open(as(`${role}:${encodeURIComponent(password)}`))
      }
      const left = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename <> 'ea'`
      const count = () =>
        withDatabase({ databaseUrl: url, schema: 'ea', dataDir: '' }, (db) => db.pool.query(left), { migrated: false })
      await expect.poll(async () => (await count()).rows).toEqual([{ n: 0 }])
    },
    { settings: { hba_file: hba, fsync: 'off' } },
  )
})
