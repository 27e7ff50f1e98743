/** TLS as libpq's sslmode means it: against a server with TLS, without, and one that lets nobody in without. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { withDatabase } from '../../src/lib/db/open.js'
import { type Front, rootCertificate, withTlsFront } from '../support/postgres/tls-front.js'
import { withScratchFolder } from '../support/temp-dir.js'

/** `plain` or `tls` when it connects, else the message of its error. */
async function connected(port: number, query: string, host = 'localhost'): Promise<string> {
  const { username, password } = new URL(inject('serverUrl'))
  const account = password === '' ? username : `${username}:${password}`
  const databaseUrl = `postgresql://${account}@${host}:${port}/postgres?${query}`
  const options = { migrated: false } as const
  return withDatabase(
    { databaseUrl, schema: 'ea', dataDir: '' },
    async (db) => {
      await db.pool.query('SELECT 1')
      return db.address.ssl === false ? 'plain' : 'tls'
    },
    options,
  ).catch((error: Error & { exitCode?: number }) => `${error.exitCode}: ${error.message}`)
}

const wanted: Record<Front, Record<string, string | RegExp>> = {
  tls: { disable: 'plain', allow: 'plain', prefer: 'tls', require: 'tls' },
  plain: {
    disable: 'plain',
    allow: 'plain',
    prefer: 'plain',
    require: /^5: The server does not offer TLS, and sslmode demands it/,
  },
  'tls only': {
    disable: /^5: The server refuses connections without TLS/,
    allow: 'tls',
    prefer: 'tls',
    require: 'tls',
  },
}

describe.each(Object.keys(wanted) as Front[])('a server that is %s', (front) => {
  test('is talked to as each mode says, without a word of the driver', () =>
    withTlsFront(inject('serverUrl'), front, async (port) => {
      const warned: string[] = []
      const onWarning = (warning: Error) => warned.push(warning.message)
      process.on('warning', onWarning)
      try {
        for (const [mode, outcome] of Object.entries(wanted[front])) {
          expect([mode, await connected(port, `sslmode=${mode}`)]).toEqual([
            mode,
            typeof outcome === 'string' ? outcome : expect.stringMatching(outcome),
          ])
        }
        // No mode at all is libpq's `prefer`.
        expect(await connected(port, '')).toBe(front === 'plain' ? 'plain' : 'tls')
        await new Promise((resolve) => setImmediate(resolve))
        expect(warned).toEqual([])
      } finally {
        process.off('warning', onWarning)
      }
    }))
})

test('certificates are verified where the mode says so', () =>
  withScratchFolder((folder) =>
    withTlsFront(inject('serverUrl'), 'tls', async (port) => {
      const root = join(folder, 'root.crt')
      await writeFile(root, rootCertificate)
      const file = `sslrootcert=${root}`
      const unverified = expect.stringMatching(/^5: The certificate of the server cannot be verified/)
      expect(await connected(port, 'sslmode=verify-full')).toEqual(unverified)
      expect(await connected(port, 'sslmode=verify-ca')).toEqual(unverified)
      expect(await connected(port, `sslmode=verify-full&${file}`)).toBe('tls')
      const otherName = expect.stringMatching(/^5: The certificate of the server is for another host/)
      expect(await connected(port, `sslmode=verify-full&${file}`, '127.0.0.1')).toEqual(otherName)
      expect(await connected(port, `sslmode=verify-ca&${file}`, '127.0.0.1')).toBe('tls')
      expect(await connected(port, `sslmode=require&${file}`, '127.0.0.1')).toBe('tls')
      expect(await connected(port, `sslmode=verify-full&sslrootcert=${folder}/none`)).toMatch(
        /^5: The file of sslrootcert cannot be read/,
      )
      expect(await connected(port, 'sslmode=sometimes')).toMatch(/^2: sslmode must be one of disable, allow, prefer/)
    }),
  ))
