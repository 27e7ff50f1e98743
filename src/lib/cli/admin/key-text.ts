/** What the commands under `ea keys` read and tell: when a key expires, keys as rows, as lines, as JSON. */
import { durationMs } from '../../core/duration.js'
import { EaError } from '../../core/errors.js'
import type { Column, Result } from '../../core/result.js'
import { isDay } from '../../core/time.js'
import type { ApiKey, Revoked } from '../../keys/keys.js'
import { instantText } from '../import/import-text.js'

/**
 * When a key expires: so long from now, or at the start of a day in UTC.
 *
 * @throws EaError `usage`
 * @example
 * parseExpiry('90d', new Date('2026-01-01')) // 2026-04-01T00:00:00.000Z
 */
export function parseExpiry(text: string, now: Date): Date {
  if (isDay(text)) return new Date(`${text}T00:00:00Z`)
  const ms = durationMs(text, ['m', 'h', 'd'])
  const expiry = new Date(now.getTime() + (ms ?? Number.NaN))
  if (ms !== undefined && ms > 0 && !Number.isNaN(expiry.getTime())) return expiry
  throw new EaError('usage', `--expires must be a time such as 90d, or a day, not ${JSON.stringify(text)}.`, {
    suggestions: ['--expires 90d', `--expires ${now.getUTCFullYear() + 1}-01-01`],
  })
}

const columns: readonly Column[] = [
  { name: 'id', kind: 'text' },
  { name: 'name', kind: 'text' },
  { name: 'start', kind: 'text' },
  { name: 'scopes', kind: 'text' },
  { name: 'created_at', kind: 'instant' },
  { name: 'expires_at', kind: 'instant' },
  { name: 'revoked_at', kind: 'instant' },
]

/** Keys as a Result. */
export function keysResult(keys: readonly ApiKey[], meta: Record<string, unknown>): Result {
  return { metric: 'keys', columns, data: keys.map(keyJson), meta }
}

/** A key with the names of the JSON; `scopes` is a list as `--scope` takes it. */
export function keyJson(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    start: key.start,
    scopes: key.scopes.join(','),
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  }
}

/** What to know about a key that was just made. */
export function createdText({ name, scopes, expiresAt }: ApiKey): string {
  const until = expiresAt === null ? 'It never expires.' : `It expires on ${instantText(expiresAt)}.`
  return `Key ${JSON.stringify(name)} may ${scopes.join(' and ')}. ${until} It is shown this once: keep it now.`
}

/** What a revocation did. */
export function revokedText({ record, already }: Revoked): string {
  const key = `Key ${JSON.stringify(record.name)} (${record.id}, ${record.start}…)`
  if (already) return `${key} was revoked already, on ${instantText(record.revokedAt!)}.`
  return `${key} is revoked. Servers that run refuse it within 2 seconds.`
}
