/**
 * The API keys of a schema: made, listed, revoked. A key itself is seen once, by who makes it; only its hash stays.
 *
 *   new key ─ hash ─ api_keys ─ known keys of a server ─ key of a request: name and scopes, or none
 */
import { sql } from 'kysely'
import * as z from 'zod'
import { EaError } from '../core/errors.js'
import { inOurWords } from '../core/field-fault.js'
import { nearest } from '../core/nearest.js'
import { type Database, type Session, withTransaction } from '../db/connect.js'
import { hashKey, makeKey, startOf } from './key-text.js'
import { impliedScopes, type Scope, scopes } from './scopes.js'

/** A key as people see it; the key itself is not in it. */
export interface ApiKey {
  readonly id: number
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Its first characters. */
  readonly start: string
  readonly createdAt: Date
  /** From then on it is refused; null: never. */
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

export interface NewKey {
  /** 1 to 100 characters, not digits alone: those are numbers of keys. */
  readonly name: string
  /** At least one. */
  readonly scopes: readonly Scope[]
  /** In the future; absent: it never expires. */
  readonly expiresAt?: Date | undefined
}

const newKey = z.strictObject({
  name: z
    .string()
    .refine((text) => text.length >= 1 && [...text].length <= 100, 'the name must have 1 to 100 characters')
    .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'the name must not contain control characters')
    .refine((text) => text.trim() === text, 'the name must not begin or end with a space')
    .refine((text) => !/^\d+$/.test(text), 'the name must not be a number: keys have numbers of their own')
    // Events of those who are not asked for a key are counted under it.
    .refine((text) => text !== 'anonymous', 'the name "anonymous" is taken by those who have no key'),
  scopes: z.array(z.enum(scopes)).min(1, `a key needs a scope: ${scopes.join(', ')}`),
  expiresAt: z
    .date()
    .refine((date) => date.getTime() > Date.now(), 'a key must expire in the future')
    .refine((date) => date.getUTCFullYear() < 3000, 'a key must expire before the year 3000')
    .optional(),
})

/** Fields of another kind, which only a program can give. */
const keyFault = (issue: { path?: PropertyKey[] | undefined }) =>
  `${String(issue.path?.[0] ?? 'a key')} ${inOurWords(newKey.shape)(issue)}`

const columns = sql`id, name, scopes, start, created_at AS "createdAt", expires_at AS "expiresAt", revoked_at AS "revokedAt"`

/**
 * Makes a key. It can be shown now and never again.
 *
 * @throws EaError `usage` with every problem at once; `key_exists` when a key that is not revoked has the name
 * @example
 * const { key } = await createKey(db, { name: 'web', scopes: ['write'] }) // 'ea_…'
 */
export async function createKey(db: Database, given: NewKey): Promise<{ key: string; record: ApiKey }> {
  const checked = newKey.safeParse(given, { error: keyFault })
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => issue.message)
    throw new EaError('usage', `No key is made: ${problems.join('; ')}.`, { details: { problems } })
  }
  const { name, expiresAt } = checked.data
  const key = makeKey()
  const { rows } = await withTransaction(db, (tx) =>
    sql<ApiKey>`
      INSERT INTO ${tx.t.api_keys} (name, scopes, start, secret_sha256, expires_at)
      VALUES (${name}, ${storedScopes(checked.data.scopes)}, ${startOf(key)}, ${hashKey(key)}, ${expiresAt ?? null})
      ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
      RETURNING ${columns}`.execute(tx.q),
  )
  if (rows[0]) return { key, record: rows[0] }
  throw new EaError('key_exists', `There is a key ${JSON.stringify(name)} already.`)
}

/** As they are stored: each once, and `admin` alone, because it says all. */
function storedScopes(given: readonly Scope[]): readonly Scope[] {
  return given.includes('admin') ? ['admin'] : impliedScopes(given)
}

/**
 * The keys, oldest first.
 *
 * @param filter.revoked whether those that were revoked are among them; default false
 */
export async function listKeys(db: Session, filter: { revoked?: boolean } = {}): Promise<ApiKey[]> {
  const { rows } = await sql<ApiKey>`
    SELECT ${columns} FROM ${db.t.api_keys}
     WHERE ${filter.revoked ?? false} OR revoked_at IS NULL ORDER BY id`.execute(db.q)
  return rows
}

export interface Revoked {
  readonly record: ApiKey
  /** Whether it was revoked before, so that nothing changed. */
  readonly already: boolean
}

/**
 * Revokes a key for good. Servers that run refuse it within 2 seconds. Doing it twice is doing it once.
 *
 * @param nameOrId digits are the number of a key; of several keys with one name it is the one that is not revoked, or
 * the latest
 * @throws EaError `key_not_found`
 */
export async function revokeKey(db: Database, nameOrId: string): Promise<Revoked> {
  // One that no bigint holds is no number of a key.
  const isId = /^\d{1,15}$/.test(nameOrId)
  const which = isId ? sql`id = ${Number(nameOrId)}` : sql`name = ${nameOrId.replaceAll('\0', '')}`
  const revoked = await withTransaction(db, (tx) =>
    sql<ApiKey>`
      UPDATE ${tx.t.api_keys} SET revoked_at = clock_timestamp()
       WHERE revoked_at IS NULL AND ${which} RETURNING ${columns}`.execute(tx.q),
  )
  if (revoked.rows[0]) return { record: revoked.rows[0], already: false }
  const before = await sql<ApiKey>`
    SELECT ${columns} FROM ${db.t.api_keys} WHERE ${which} ORDER BY id DESC LIMIT 1`.execute(db.q)
  if (before.rows[0]) return { record: before.rows[0], already: true }
  const near = isId
    ? undefined
    : nearest(
        nameOrId,
        (await listKeys(db)).map(({ name }) => name),
      )
  throw new EaError('key_not_found', `There is no key ${isId ? nameOrId : JSON.stringify(nameOrId)}.`, {
    ...(near === undefined ? {} : { suggestions: [`Did you mean ${JSON.stringify(near)}?`] }),
  })
}
