/**
 * Tokens that somebody else signs: which are believed, and who is behind them. A message says which rule a token
 * breaks, and never holds a piece of it.
 */
import { createSecretKey } from 'node:crypto'
import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyGetKey,
  errors as jose,
  jwtVerify,
} from 'jose'
import { senderText } from '../../batches/sender.js'
import { EaError } from '../../core/errors.js'
import { impliedScopes, isScope } from '../../keys/scopes.js'
import type { Principal } from '../http/context.js'
import type { JwtOptions } from '../http/options.js'
import { isLoopback } from './loopback.js'

/** @throws EaError `unauthorized`; `jwks_unavailable` when the keys of the issuer cannot be had */
export type TokenVerifier = (token: string) => Promise<Principal>

const secretAlgorithms = ['HS256', 'HS384', 'HS512']
const keyAlgorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]
const minSecretBytes = 32
const clockToleranceSeconds = 5
const maxTokenChars = 8192
// Keys are fetched when a token names one that is not known, but not more often than this.
const cooldownMs = 30_000
// Keys that were withdrawn are forgotten after so long, when the issuer answers; while it does not, they stay good.
const maxAgeMs = 600_000
const fetchTimeoutMs = 5_000
// An issuer that does not answer is not asked by each request.
const retryMs = 5_000

/**
 * What verifies tokens by these options.
 *
 * @throws EaError `usage` with every problem at once
 * @example
 * const verify = tokenVerifier({ jwksUrl: 'https://id.example/jwks', issuer: 'https://id.example', audience: 'ea', algorithms: ['RS256'] })
 * await verify(token) // { name: 'user-1', scopes: ['read'], … }
 */
export function tokenVerifier(options: JwtOptions): TokenVerifier {
  const problems = problemsOf(options)
  if (problems.length > 0) {
    throw new EaError('usage', `No token could be verified: ${problems.join('; ')}.`, { details: { problems } })
  }
  const key = keyOf(options)
  const { issuer, audience } = options
  const algorithms = [...options.algorithms]
  const rules = { issuer, audience, algorithms, clockTolerance: clockToleranceSeconds, requiredClaims: ['exp', 'sub'] }
  return async (token) => {
    if (token.length > maxTokenChars) throw refused(`it is longer than ${maxTokenChars} characters`, 'malformed')
    try {
      const { payload } = await verifyWithAny(token, key, rules)
      return principalOf(payload)
    } catch (error) {
      throw asRefusal(error, options)
    }
  }
}

function problemsOf({ jwksUrl, secret, issuer, audience, algorithms }: JwtOptions): string[] {
  const problems: string[] = []
  if ((jwksUrl === undefined) === (secret === undefined)) {
    problems.push('it takes either the URL of a key set or a secret')
  }
  if (issuer === '') problems.push('the issuer is missing')
  if (audience === '') problems.push('the audience is missing')
  if (algorithms.length === 0) problems.push('the list of algorithms is empty')
  if (jwksUrl !== undefined && !isSafeUrl(jwksUrl)) {
    problems.push('the URL of the key set must begin with https:// (http:// only on this machine)')
  }
  if (secret !== undefined && Buffer.byteLength(secret) < minSecretBytes) {
    problems.push(`the secret must have at least ${minSecretBytes} bytes`)
  }
  if (secret?.trimStart().startsWith('-----BEGIN')) {
    problems.push('the secret is a key in PEM: publish it as a key set instead')
  }
  // A public key that is taken for a secret would let everybody sign: no list may mix the two kinds.
  const allowed = secret === undefined ? keyAlgorithms : secretAlgorithms
  for (const algorithm of algorithms.filter((name) => !allowed.includes(name))) {
    const kind = secret === undefined ? 'a key set' : 'a secret'
    problems.push(`${JSON.stringify(algorithm)} is no algorithm for ${kind}, which takes ${allowed.join(', ')}`)
  }
  return problems
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

function keyOf({ jwksUrl, secret }: JwtOptions): JWTVerifyGetKey {
  if (jwksUrl === undefined) {
    const key = createSecretKey(Buffer.from(secret!))
    return async () => key
  }
  let fetchedAt = 0
  let askedAt = Number.NEGATIVE_INFINITY
  const fetchSeldom: FetchImplementation = async (url, init) => {
    if (performance.now() < askedAt + retryMs) throw new Error('it did not answer a moment ago')
    askedAt = performance.now()
    const response = await fetch(url, init as RequestInit)
    if (response.status === 200) fetchedAt = performance.now()
    return response
  }
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [customFetch]: fetchSeldom,
  })
  return (header, token) => {
    // In the background: nobody waits for an issuer whose keys are known, and nobody is refused because it is away.
    if (fetchedAt > 0 && performance.now() > fetchedAt + maxAgeMs) keys.reload().catch(() => {})
    return keys(header, token)
  }
}

type Rules = NonNullable<Parameters<typeof jwtVerify>[2]>

/** A token that names no key is tried with each that fits its algorithm. */
async function verifyWithAny(token: string, key: JWTVerifyGetKey, rules: Rules): Promise<{ payload: JWTPayload }> {
  try {
    return await jwtVerify(token, key, rules)
  } catch (error) {
    if (!(error instanceof jose.JWKSMultipleMatchingKeys)) throw error
    for await (const candidate of error) {
      try {
        return await jwtVerify(token, candidate, rules)
      } catch (refusal) {
        if (!(refusal instanceof jose.JWSSignatureVerificationFailed)) throw refusal
      }
    }
    throw new jose.JWSSignatureVerificationFailed()
  }
}

function principalOf({ iss, sub, scope, scopes }: JWTPayload): Principal {
  // It is stored with the events that it sends.
  if (typeof sub !== 'string' || sub === '' || sub.length > 255 || /[\p{Cc}\p{Cs}]/u.test(sub)) {
    throw refused('its subject ("sub") is not 1 to 255 characters of text', 'malformed')
  }
  const given = [...(typeof scope === 'string' ? scope.split(' ') : []), ...(Array.isArray(scopes) ? scopes : [])]
  return {
    name: sub,
    sender: senderText({ kind: 'token', issuer: iss!, name: sub }),
    scopes: impliedScopes(given.filter(isScope)),
    limitBy: `jwt:${JSON.stringify([iss, sub])}`,
  }
}

/** What was thrown as an error for a person. */
function asRefusal(error: unknown, { algorithms, jwksUrl }: JwtOptions): unknown {
  if (error instanceof EaError) return error
  if (error instanceof jose.JWTExpired) return refused('it has expired', 'expired')
  if (error instanceof jose.JWTClaimValidationFailed) {
    return refused(claimRules[error.claim] ?? `its "${error.claim}" is not what it must be`, 'claim')
  }
  if (error instanceof jose.JOSEAlgNotAllowed) {
    return refused(`its algorithm is not one of those that are taken: ${algorithms.join(', ')}`, 'algorithm')
  }
  if (error instanceof jose.JWSSignatureVerificationFailed) {
    return refused('its signature does not fit', 'signature')
  }
  if (error instanceof jose.JWKSNoMatchingKey) return refused('no key of the issuer fits it', 'signature')
  if (error instanceof jose.JWSInvalid || error instanceof jose.JWTInvalid || error instanceof jose.JOSENotSupported) {
    return refused('it is not a JWT that can be read', 'malformed')
  }
  if (jwksUrl === undefined) return error
  return new EaError(
    'jwks_unavailable',
    `The keys that tokens are verified with cannot be had: ${(error as Error).message}`,
    { cause: error },
  )
}

const claimRules: Readonly<Record<string, string>> = {
  iss: 'it is from another issuer ("iss")',
  aud: 'it is for another audience ("aud")',
  nbf: 'it is not valid yet ("nbf")',
  exp: 'it must say when it expires ("exp")',
  sub: 'it must say whom it is about ("sub")',
}

function refused(rule: string, reason: string): EaError {
  return new EaError('unauthorized', `The token is refused: ${rule}.`, {
    suggestions: ['Get a new token from its issuer.'],
    details: { reason: `token_${reason}` },
  })
}
