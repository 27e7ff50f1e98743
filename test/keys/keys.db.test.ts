/** API keys in the database: made, listed, revoked; of a key only its hash stays. */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createKey, listKeys, revokeKey } from '../../src/lib/keys/keys.js'
import { withFreshDatabase } from '../support/postgres/database.js'

test('a key is stored as its hash and its first characters, and nowhere else', () =>
  withFreshDatabase(async (db) => {
    const { key, record } = await createKey(db, { name: 'web', scopes: ['write', 'read', 'write'] })
    expect(record).toMatchObject({ name: 'web', scopes: ['read', 'write'], start: key.slice(0, 9), expiresAt: null })
    const { rows } = await sql<{
      row: string
      secret_sha256: Buffer
    }>`SELECT k::text AS row, secret_sha256 FROM ${db.t.api_keys} k`.execute(db.q)
    expect(rows).toHaveLength(1)
    const { row, secret_sha256 } = rows[0]!
    expect(secret_sha256).toEqual(createHash('sha256').update(key).digest())
    // No column holds the key, nor a piece of it behind its start, as text or as bytes.
    for (const text of [key, key.slice(9), key.slice(9, 20), key.slice(3)]) {
      expect(row).not.toContain(text)
      expect(row).not.toContain(Buffer.from(text).toString('hex'))
    }
  }))

test('a name is taken until its key is revoked', () =>
  withFreshDatabase(async (db) => {
    const first = await createKey(db, { name: 'web', scopes: ['write'] })
    await expect(createKey(db, { name: 'web', scopes: ['read'] })).rejects.toMatchObject({ code: 'key_exists' })
    expect(await revokeKey(db, 'web')).toMatchObject({ already: false, record: { id: first.record.id } })
    const second = await createKey(db, { name: 'web', scopes: ['admin', 'read'] })
    expect(second.record.scopes).toEqual(['admin'])
    expect(second.key).not.toBe(first.key)
    expect((await listKeys(db)).map(({ id }) => id)).toEqual([second.record.id])
    expect((await listKeys(db, { revoked: true })).map(({ id }) => id)).toEqual([first.record.id, second.record.id])
    // The name means the key that is not revoked; the number always means the same one.
    expect(await revokeKey(db, String(first.record.id))).toMatchObject({ already: true })
    expect(await revokeKey(db, 'web')).toMatchObject({ already: false, record: { id: second.record.id } })
    const again = await revokeKey(db, 'web')
    expect(again).toMatchObject({ already: true, record: { id: second.record.id } })
    expect(again.record.revokedAt).toBeInstanceOf(Date)
  }))

test('two that make the same name at once: one of them gets it', () =>
  withFreshDatabase(async (db) => {
    const made = await Promise.allSettled(
      Array.from({ length: 4 }, () => createKey(db, { name: 'web', scopes: ['read'] })),
    )
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(made.filter((one) => one.status === 'rejected').map((one) => one.reason.code)).toEqual(
      Array(3).fill('key_exists'),
    )
  }))

test('every problem of a new key is told at once', () =>
  withFreshDatabase(async (db) => {
    const bad = [
      { given: { name: '', scopes: [] }, problems: 2 },
      { given: { name: '12', scopes: ['read'] as const }, problems: 1 },
      { given: { name: 'anonymous', scopes: ['read'] as const }, problems: 1 },
      { given: { name: ' web', scopes: ['read'] as const }, problems: 1 },
      { given: { name: 'a\u0000b', scopes: ['read'] as const }, problems: 1 },
      { given: { name: 'x'.repeat(101), scopes: ['read'] as const }, problems: 1 },
      { given: { name: 'web', scopes: ['root'] as never }, problems: 1 },
      { given: { name: 'web', scopes: ['read'] as const, expiresAt: new Date(Date.now() - 1) }, problems: 1 },
      { given: { name: 'web', scopes: ['read'] as const, expiresAt: new Date('3000-01-01') }, problems: 1 },
    ]
    for (const { given, problems } of bad) {
      const error = await createKey(db, given).catch((thrown) => thrown)
      expect(error, JSON.stringify(given)).toMatchObject({ code: 'usage' })
      expect(error.details.problems, JSON.stringify(given)).toHaveLength(problems)
    }
    expect(await listKeys(db, { revoked: true })).toEqual([])
  }))

test('a key that is not there is named, with the nearest one', () =>
  withFreshDatabase(async (db) => {
    await createKey(db, { name: 'dashboard', scopes: ['read'] })
    await expect(revokeKey(db, 'dashbord')).rejects.toMatchObject({
      code: 'key_not_found',
      suggestions: ['Did you mean "dashboard"?'],
    })
    for (const name of ['7', '9'.repeat(40), '', "'; DROP TABLE ea.api_keys; --", 'a\0b']) {
      await expect(revokeKey(db, name), name).rejects.toMatchObject({ code: 'key_not_found' })
    }
  }))
