/**
 * Who asks: the key or token of a request comes in, a principal goes out. Keys are looked up in memory and tokens are
 * verified by `jwt.ts`; which route needs which scope is not decided here.
 */
import type { FastifyRequest } from 'fastify'
import { senderText } from '../../batches/sender.js'
import { EaError } from '../../core/errors.js'
import type { Database } from '../../db/connect.js'
import { isKeyText, looksLikeKey } from '../../keys/key-text.js'
import { type KnownKey, type KnownKeys, type OnKeysUnread, withKnownKeys } from '../../keys/known-keys.js'
import { impliedScopes, scopes } from '../../keys/scopes.js'
import type { Access, Principal } from '../http/context.js'
import type { ServeOptions } from '../http/options.js'
import { credentialOf } from './credential.js'
import { tokenVerifier } from './jwt.js'

const anonymous: Principal = { name: 'anonymous', sender: 'anonymous', scopes, limitBy: null }

/**
 * Opens what tells who asks, hands it to `use`, and closes it.
 *
 * A key works at once when it is made, and stops within 2 seconds when it is revoked. While the database is away, the
 * keys that were known last go on to work, and one that is not known is `database_unreachable`. Nobody needs a key as
 * long as there never was one and no token is configured; once one was needed, it stays needed while the process lives,
 * so revoking the last key does not open the doors.
 *
 * @param options `jwt`: whose tokens are believed
 * @param onUnread hears when the keys cannot be read any more, and when they can again
 * @throws EaError `usage` when the options of tokens contradict each other; `database_not_migrated` and the like
 * @example
 * await withAccess(db, options, async (access) => {
 *   if (!access.isRequired && !isLoopback(options.host)) throw new EaError('no_authentication', '…')
 *   …
 * })
 */
export async function withAccess<T>(
  db: Database,
  options: Pick<ServeOptions, 'jwt'>,
  use: (access: Access) => Promise<T>,
  onUnread?: OnKeysUnread,
): Promise<T> {
  const verify = options.jwt === undefined ? undefined : tokenVerifier(options.jwt)
  const opened = (known: KnownKeys) => {
    // Whether there are keys is not known before the database was read: until then it counts as if there were.
    const isRequired = () => verify !== undefined || known.everAny || !known.isRead

    const identify = async (request: FastifyRequest, allowQueryKey: boolean): Promise<Principal> => {
      if (!isRequired()) return anonymous
      const credential = credentialOf(request, allowQueryKey)
      if (credential === undefined) {
        if (verify === undefined && !known.everAny) throw notKnownYet()
        throw missing(request, allowQueryKey)
      }
      const { text, from } = credential
      if (from === 'authorization' && verify !== undefined && !looksLikeKey(text)) return verify(text)
      const principal = principalOf(await foundKey(known, text))
      if (from !== 'query') return principal
      // An address ends up in logs and histories: what can be read there must not open more than writing.
      return { ...principal, scopes: principal.scopes.filter((scope) => scope === 'write') }
    }

    return use({
      get isRequired() {
        return isRequired()
      },
      identify,
    })
  }
  return withKnownKeys(db, opened, onUnread)
}

async function foundKey(known: KnownKeys, text: string): Promise<KnownKey> {
  if (!isKeyText(text)) {
    throw new EaError('unauthorized', 'This is no API key: it is cut off or mistyped.', {
      details: { reason: 'key_malformed' },
    })
  }
  const key = await known.find(text)
  if (key === undefined) {
    throw new EaError('unauthorized', 'This API key is not known, or it was revoked.', {
      details: { reason: 'key_unknown' },
    })
  }
  if (key.expiresAt !== null && key.expiresAt.getTime() <= Date.now()) {
    throw new EaError('unauthorized', `The API key expired on ${key.expiresAt.toISOString()}.`, {
      details: { reason: 'key_expired' },
    })
  }
  return key
}

function principalOf({ id, name, scopes }: KnownKey): Principal {
  const sender = senderText({ kind: 'key', issuer: String(id), name })
  return { name, sender, scopes: impliedScopes(scopes), limitBy: `key:${id}` }
}

function missing(request: FastifyRequest, allowQueryKey: boolean): EaError {
  const { key } = (request.query ?? {}) as { key?: unknown }
  const inAddress = key !== undefined && !allowQueryKey ? ': here a key in the address is not taken' : ''
  return new EaError('unauthorized', `The request has no key or token${inAddress}.`, { details: { reason: 'missing' } })
}

function notKnownYet(): EaError {
  return new EaError('database_unreachable', 'The database could not be asked yet whether a key is needed.')
}

/**
 * The value of the header WWW-Authenticate for an error of `identify`, or for `forbidden`.
 *
 * @param error `unauthorized` or `forbidden`; `details.scope` of the latter names the scope that is needed
 * @example
 * challengeOf(error) // 'Bearer realm="ea", error="invalid_token"'
 */
export function challengeOf(error: EaError): string {
  const { reason, scope } = error.details
  if (error.code === 'forbidden') {
    const needed = typeof scope === 'string' ? `, scope="${scope}"` : ''
    return `Bearer realm="ea", error="insufficient_scope"${needed}`
  }
  if (reason === 'missing') return 'Bearer realm="ea"'
  return `Bearer realm="ea", error="${reason === 'ambiguous' || reason === 'scheme' ? 'invalid_request' : 'invalid_token'}"`
}
