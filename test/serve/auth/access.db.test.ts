/** Who asks: keys over real sockets and a real database, also while that is away. Tokens: jwt.test.ts. */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { makeKey } from '../../../src/lib/keys/key-text.js'
import { createKey, revokeKey } from '../../../src/lib/keys/keys.js'
import { withAccess } from '../../../src/lib/serve/auth/access.js'
import { isLoopback } from '../../../src/lib/serve/auth/loopback.js'
import type { Access } from '../../../src/lib/serve/http/context.js'
import { until } from '../../support/import/import-child.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { type Ask, type Relay, withAsking, withRelay } from '../http-client.js'

const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

function withServer(db: Database, use: (ask: Ask, access: Access) => Promise<void>): Promise<void> {
  return withAccess(db, {}, (access) => withAsking(access, (ask) => use(ask, access)))
}

/** A database, and the same one behind a relay that can be cut. */
function withCuttable(use: (db: Database, relayed: Database, relay: Relay) => Promise<void>): Promise<void> {
  return withFreshDatabase((db, url) =>
    withRelay(url, (relay) => withPool({ url: relay.url, schema: 'ea' }, (relayed) => use(db, relayed, relay))),
  )
}

const statusOf = async (ask: Ask, key: string) => (await ask(bearer(key))).status

test('without keys everybody may do all; from the first key on nobody is let in without one, not even when it is revoked', () =>
  withFreshDatabase((db) =>
    withServer(db, async (ask, access) => {
      expect(access.isRequired).toBe(false)
      const all = { name: 'anonymous', sender: 'anonymous', scopes: ['read', 'write', 'admin'], limitBy: null }
      expect(await ask()).toEqual({ status: 200, body: all })
      expect(await ask(bearer('nonsense'))).toEqual({ status: 200, body: all })
      const { key } = await createKey(db, { name: 'web', scopes: ['write'] })
      await until(() => access.isRequired)
      expect(await ask()).toMatchObject({
        status: 401,
        body: { code: 'unauthorized', reason: 'missing', challenge: 'Bearer realm="ea"' },
      })
      const web = { name: 'web', sender: '["key","1","web"]', scopes: ['write'], limitBy: 'key:1' }
      expect((await ask(bearer(key))).body).toEqual(web)
      await revokeKey(db, 'web')
      await until(async () => (await statusOf(ask, key)) === 401)
      expect(access.isRequired).toBe(true)
      expect((await ask()).status).toBe(401)
    }),
  ))

test('where a key may stand', () =>
  withFreshDatabase(async (db) => {
    const { key } = await createKey(db, { name: 'all', scopes: ['admin'] })
    const { key: reader } = await createKey(db, { name: 'reader', scopes: ['read'] })
    await withServer(db, async (ask) => {
      const good = {
        status: 200,
        body: { name: 'all', sender: '["key","1","all"]', scopes: ['read', 'write', 'admin'], limitBy: 'key:1' },
      }
      expect(await ask({ 'x-api-key': key })).toEqual(good)
      expect(await ask(bearer(key))).toEqual(good)
      expect(await ask({ authorization: `bEARER   ${key}` })).toEqual(good)
      expect(await ask({ 'x-api-key': key, ...bearer(key) })).toEqual(good)
      // In an address it opens no more than writing.
      const inAddress = { query: `?key=${key}`, allowQueryKey: true }
      expect(await ask({}, inAddress)).toEqual({ ...good, body: { ...good.body, scopes: ['write'] } })
      expect(await ask({ 'x-api-key': key }, inAddress)).toEqual(good)
      expect((await ask({}, { query: `?key=${reader}`, allowQueryKey: true })).body.scopes).toEqual([])
      expect(await ask({}, { query: `?key=${key}` })).toMatchObject({
        status: 401,
        body: { reason: 'missing', message: expect.stringContaining('in the address') },
      })
    })
  }))

test('what is no good key, and why', () =>
  withFreshDatabase(async (db) => {
    const { key } = await createKey(db, { name: 'one', scopes: ['read'] })
    const { key: other } = await createKey(db, { name: 'two', scopes: ['read'] })
    const { key: expired } = await createKey(db, {
      name: 'old',
      scopes: ['read'],
      expiresAt: new Date(Date.now() + 60_000),
    })
    await sql`UPDATE ${db.t.api_keys} SET expires_at = created_at WHERE name = 'old'`.execute(db.q)
    const { key: revoked } = await createKey(db, { name: 'gone', scopes: ['read'] })
    await revokeKey(db, 'gone')
    await withServer(db, async (ask) => {
      const cases: readonly [Parameters<Ask>, string][] = [
        [[{}], 'missing'],
        [[{ 'x-api-key': '' }], 'key_malformed'],
        [[bearer(key.slice(0, -1))], 'key_malformed'],
        [[bearer(`${key.slice(0, 20)}${key[20] === 'a' ? 'b' : 'a'}${key.slice(21)}`)], 'key_malformed'],
        [[bearer("ea_' OR true --".replaceAll(' ', ''))], 'key_malformed'],
        [[bearer('eyJhbGciOiJub25lIn0.e30.')], 'key_malformed'],
        [[bearer('x'.repeat(10_000))], 'key_malformed'],
        [[bearer(makeKey())], 'key_unknown'],
        [[bearer(revoked)], 'key_unknown'],
        [[bearer(expired)], 'key_expired'],
        [[{ authorization: key }], 'scheme'],
        [[{ authorization: `Basic ${key}` }], 'scheme'],
        [[{ authorization: 'Bearer' }], 'scheme'],
        [[{ authorization: `Bearer ${key} ${key}` }], 'scheme'],
        [[{ ...bearer(key), 'x-api-key': other }], 'ambiguous'],
        [[{ authorization: [`Bearer ${key}`, `Bearer ${other}`] }], 'ambiguous'],
        [[{ 'x-api-key': [key, other] }], 'ambiguous'],
        [[{ 'x-api-key': key }, { query: `?key=${other}`, allowQueryKey: true }], 'ambiguous'],
        [[{}, { query: `?key=${key}&key=${other}`, allowQueryKey: true }], 'ambiguous'],
        [[{}, { query: '?key=', allowQueryKey: true }], 'key_malformed'],
      ]
      for (const [asked, reason] of cases) {
        const { status, body } = await ask(...asked)
        expect([status, body.code, body.reason], JSON.stringify(asked)).toEqual([401, 'unauthorized', reason])
        expect(body.challenge).toMatch(/^Bearer realm="ea"(, error="invalid_(token|request)")?$/)
        expect(JSON.stringify(body)).not.toContain(key.slice(9))
      }
      // The odd ones have changed nothing for the good one.
      expect((await ask(bearer(key))).status).toBe(200)
    })
  }))

test('a key that has run out is refused although nobody reads the keys again', () =>
  withCuttable(async (db, relayed, relay) => {
    const { key } = await createKey(db, { name: 'short', scopes: ['read'], expiresAt: new Date(Date.now() + 3_000) })
    await withServer(relayed, async (ask, access) => {
      await relay.cut()
      await until(async () => (await ask(bearer(key))).body.reason === 'key_expired')
      // It opens nothing either.
      expect(access.isRequired).toBe(true)
    })
  }))

test('an expired key still means that keys are needed', () =>
  withFreshDatabase(async (db) => {
    await createKey(db, { name: 'old', scopes: ['read'], expiresAt: new Date(Date.now() + 60_000) })
    await sql`UPDATE ${db.t.api_keys} SET expires_at = created_at`.execute(db.q)
    await withServer(db, async (ask) => expect((await ask()).status).toBe(401))
  }))

test('a key works as soon as it is made', () =>
  withFreshDatabase(async (db) => {
    await createKey(db, { name: 'first', scopes: ['read'] })
    await withServer(db, async (ask) => {
      for (let n = 0; n < 5; n++) {
        // Reads that are under way because of others do not hide it.
        const noise = Promise.all([ask(bearer(makeKey())), ask(bearer(makeKey()))])
        const { key } = await createKey(db, { name: `key ${n}`, scopes: ['write'] })
        expect(await ask(bearer(key))).toMatchObject({ status: 200, body: { name: `key ${n}` } })
        await noise
      }
    })
  }))

// The promise is about the program; a machine that stands still for a moment may try again.
test('a revoked key is refused within 2 seconds', { retry: 3 }, () =>
  withFreshDatabase(async (db) => {
    const keys = await Promise.all(
      ['a', 'b', 'c'].map((name) => createKey(db, { name, scopes: ['read'] }).then(({ key }) => key)),
    )
    await withServer(db, async (ask) => {
      for (const [index, key] of keys.entries()) {
        expect(await statusOf(ask, key)).toBe(200)
        await revokeKey(db, 'abc'[index]!)
        const revokedAt = performance.now()
        await until(async () => (await statusOf(ask, key)) === 401)
        expect(performance.now() - revokedAt).toBeLessThan(2_000)
      }
    })
  }),
)

test('however many unknown keys come, the database is asked seldom', () =>
  withCuttable(async (db, relayed, relay) => {
    await createKey(db, { name: 'web', scopes: ['read'] })
    await withServer(relayed, async (ask) => {
      const began = performance.now()
      const before = relay.reads()
      for (let round = 0; round < 3; round++) {
        const replies = await Promise.all(Array.from({ length: 100 }, () => ask(bearer(makeKey()))))
        expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]))
      }
      // What is no key at all is refused without asking.
      for (let n = 0; n < 20; n++) await ask(bearer(`ea_${'x'.repeat(49)}`))
      const most = (performance.now() - began) / 250 + 1
      expect(relay.reads() - before).toBeGreaterThan(0)
      expect(relay.reads() - before).toBeLessThanOrEqual(most)
    })
  }))

test('while the database is away known keys work, and an unknown one is told that it cannot be known', () =>
  withCuttable(async (db, relayed, relay) => {
    const { key } = await createKey(db, { name: 'web', scopes: ['write'] })
    const { key: revoked } = await createKey(db, { name: 'late', scopes: ['write'] })
    await withServer(relayed, async (ask) => {
      await relay.cut()
      const { key: made } = await createKey(db, { name: 'new', scopes: ['write'] })
      await revokeKey(db, 'late')
      for (let n = 0; n < 3; n++) {
        expect(await ask(bearer(key))).toMatchObject({ status: 200, body: { name: 'web' } })
        expect(await statusOf(ask, revoked)).toBe(200)
        expect(await ask(bearer(made))).toMatchObject({ status: 503, body: { code: 'database_unreachable' } })
      }
      // No key at all is no question for the database.
      expect((await ask()).status).toBe(401)
      expect((await ask(bearer('ea_typo'))).status).toBe(401)
      await relay.mend()
      await until(async () => (await statusOf(ask, made)) === 200)
      await until(async () => (await statusOf(ask, revoked)) === 401)
      expect(await statusOf(ask, key)).toBe(200)
    })
  }))

test('a database that neither answers nor hangs up holds nobody for long, and its connection is not waited for', () =>
  withCuttable(async (db, relayed, relay) => {
    const { key } = await createKey(db, { name: 'web', scopes: ['write'] })
    await withServer(relayed, async (ask) => {
      relay.hang()
      const { key: made } = await createKey(db, { name: 'new', scopes: ['write'] })
      let isAnswered = false
      const unknown = ask(bearer(made)).finally(() => {
        isAnswered = true
      })
      expect(await statusOf(ask, key)).toBe(200)
      expect(isAnswered).toBe(false)
      expect(await unknown).toMatchObject({ status: 503, body: { code: 'database_unreachable' } })
      relay.unhang()
      await until(async () => (await statusOf(ask, made)) === 200)
    })
  }))

test('a database that is dropped under the server', () =>
  withFreshDatabase(async (db, url) => {
    const { key } = await createKey(db, { name: 'web', scopes: ['write'] })
    await withServer(db, async (ask) => {
      const name = new URL(url).pathname.slice(1)
      await withPool({ url: url.replace(name, 'postgres'), schema: 'ea' }, (other) =>
        other.pool.query(`DROP DATABASE ${name} WITH (FORCE)`),
      )
      expect(await statusOf(ask, key)).toBe(200)
      expect((await ask(bearer(makeKey()))).body.code).toBe('database_unreachable')
    })
  }))

test('somebody hears once that the keys cannot be read, and once that they can again', () =>
  withCuttable((_, relayed, relay) => {
    const heard: (string | undefined)[] = []
    const hear = (failure: Error | undefined) => heard.push(failure?.message)
    const use = async () => {
      expect(heard).toEqual([])
      await relay.cut()
      await until(() => heard.length === 1)
      // Time for two more readings that fail.
      await new Promise((resolve) => setTimeout(resolve, 3_500))
      await relay.mend()
      await until(() => heard.length === 2)
      expect(heard).toEqual([expect.any(String), undefined])
    }
    return withAccess(relayed, {}, use, hear)
  }))

test('when the database is away from the start nobody is let in, until it has been asked', () =>
  withCuttable(async (db, relayed, relay) => {
    await relay.cut()
    const { key } = await createKey(db, { name: 'web', scopes: ['write'] })
    await withServer(relayed, async (ask, access) => {
      expect(access.isRequired).toBe(true)
      expect(await ask()).toMatchObject({ status: 503, body: { code: 'database_unreachable' } })
      expect(await ask(bearer(key))).toMatchObject({ status: 503, body: { code: 'database_unreachable' } })
      await relay.mend()
      await until(async () => (await statusOf(ask, key)) === 200)
      expect((await ask()).status).toBe(401)
    })
  }))

test('and without keys it opens once that is known', () =>
  withCuttable(async (_, relayed, relay) => {
    await relay.cut()
    await withServer(relayed, async (ask, access) => {
      expect((await ask()).status).toBe(503)
      await relay.mend()
      await until(() => !access.isRequired)
      expect((await ask()).status).toBe(200)
    })
  }))

test('long questions on all other connections keep no key waiting', () =>
  withFreshDatabase(
    async (db) => {
      await createKey(db, { name: 'web', scopes: ['write'] })
      await withServer(db, async (ask) => {
        const client = await db.pool.connect()
        try {
          // The only connection of the pool is taken: a key that is made elsewhere is found all the same.
          await client.query('BEGIN')
          const key = makeKey()
          await client.query(
            `INSERT INTO ea.api_keys (name, scopes, start, secret_sha256) VALUES ('b', '{read}', 'ea_', sha256($1))`,
            [Buffer.from(key)],
          )
          await client.query('COMMIT')
          expect(await statusOf(ask, key)).toBe(200)
        } finally {
          client.release()
        }
      })
    },
    { maxConnections: 1 },
  ))

test('tables that are missing are told at the start', () =>
  withFreshDatabase(async (db) => {
    await sql`DROP TABLE ${db.t.api_keys}`.execute(db.q)
    await expect(withAccess(db, {}, async () => {})).rejects.toMatchObject({ code: '42P01' })
  }))

test('which hosts only this machine can reach', () => {
  const own = [
    '127.0.0.1',
    '127.255.0.3',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    'localhost',
    'LOCALHOST',
  ]
  const others = [
    ...['0.0.0.0', '::', '[::]', '', '10.0.0.1', '192.168.1.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', '127.1'],
    ...['localhost.example.com', '127.0.0.1.example.com', 'example.com', 'my-machine', '*'],
  ]
  expect(own.filter((host) => !isLoopback(host))).toEqual([])
  expect(others.filter(isLoopback)).toEqual([])
})
