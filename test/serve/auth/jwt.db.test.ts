/** Tokens, good and bad, with the keys of an issuer served on this machine. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { createKey, revokeKey } from '../../../src/lib/keys/keys.js'
import { withAccess } from '../../../src/lib/serve/auth/access.js'
import { tokenVerifier } from '../../../src/lib/serve/auth/jwt.js'
import type { JwtOptions } from '../../../src/lib/serve/http/options.js'
import { until } from '../../support/import/import-child.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { type Ask, withAsking } from '../http-client.js'

const issuer = 'https://id.example'
const audience = 'ea'
const secret = 'a secret of at least 32 bytes, as it should be'

interface Pair {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}
let rsa: Pair
let otherRsa: Pair
let ec: Pair

async function pair(kid: string, alg: string): Promise<Pair> {
  return { kid, alg, ...(await generateKeyPair(alg, { extractable: true })) }
}

beforeAll(async () => {
  ;[rsa, otherRsa, ec] = await Promise.all([pair('one', 'RS256'), pair('two', 'RS256'), pair('three', 'ES256')])
})

const now = () => Math.floor(Date.now() / 1000)
const good = () => ({ iss: issuer, aud: audience, sub: 'user-1', exp: now() + 60, scope: 'read write' })

/** A token of these claims; a claim that is undefined is left out. */
function tokenOf(
  by: Pair,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT({ ...good(), ...claims })
    .setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
    .sign(by.privateKey)
}

function secretToken(claims: Record<string, unknown> = {}, alg = 'HS256', by = secret): Promise<string> {
  return new SignJWT({ ...good(), ...claims }).setProtectedHeader({ alg }).sign(Buffer.from(by))
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

interface Issuer {
  readonly url: string
  /** How often its keys were asked for. */
  asked: number
  /** What it serves. */
  pairs: Pair[]
  status: number
  readonly stop: () => Promise<void>
}

async function withIssuer<T>(pairs: Pair[], use: (issuer: Issuer) => Promise<T>): Promise<T> {
  const server: Server = createServer(async (_, response) => {
    running.asked += 1
    const keys = await Promise.all(
      running.pairs.map(async ({ kid, alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' })),
    )
    response.writeHead(running.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  const { port } = server.address() as { port: number }
  const running: Issuer = { url: `http://127.0.0.1:${port}/jwks`, asked: 0, pairs, status: 200, stop }
  try {
    return await use(running)
  } finally {
    await stop()
  }
}

function withServer(jwt: JwtOptions, use: (ask: (token: string) => ReturnType<Ask>, any: Ask) => Promise<void>) {
  return withFreshDatabase((db) =>
    withAccess(db, { jwt }, (access) =>
      withAsking(access, (ask) => use((token) => ask({ authorization: `Bearer ${token}` }), ask)),
    ),
  )
}

const keySet = (url: string): JwtOptions => ({ jwksUrl: url, issuer, audience, algorithms: ['RS256', 'ES256'] })
const bySecret: JwtOptions = { secret, issuer, audience, algorithms: ['HS256'] }

test('a good token says who asks and what they may do', () =>
  withIssuer([rsa, ec], (running) =>
    withServer(keySet(running.url), async (ask, any) => {
      const limitBy = `jwt:${JSON.stringify([issuer, 'user-1'])}`
      const sender = JSON.stringify(['token', issuer, 'user-1'])
      const principal = { name: 'user-1', sender, scopes: ['read', 'write'], limitBy }
      expect(await ask(await tokenOf(rsa))).toEqual({ status: 200, body: principal })
      expect(await ask(await tokenOf(ec))).toEqual({ status: 200, body: principal })
      const scopes = async (claims: Record<string, unknown>) => (await ask(await tokenOf(rsa, claims))).body.scopes
      expect(await scopes({ scope: undefined, scopes: ['write', 'openid', 7, null] })).toEqual(['write'])
      expect(await scopes({ scope: 'openid  admin' })).toEqual(['read', 'write', 'admin'])
      expect(await scopes({ scope: 'read', scopes: ['write'] })).toEqual(['read', 'write'])
      for (const scope of [undefined, '', 'READ', 'readwrite', 'read,write', 1, { read: true }]) {
        expect(await scopes({ scope }), String(scope)).toEqual([])
      }
      expect(await ask(await tokenOf(rsa, { aud: ['other', audience] }))).toMatchObject({ status: 200 })
      // Clocks differ a little.
      expect(await ask(await tokenOf(rsa, { nbf: now() + 3 }))).toMatchObject({ status: 200 })
      // Keys are needed though there are none, because tokens are.
      expect((await any()).status).toBe(401)
      // All of this asked the issuer once.
      expect(running.asked).toBe(1)
    }),
  ))

test('every bad token is refused, with the rule that it breaks and without a piece of it', () =>
  withIssuer([rsa, ec], (running) =>
    withServer(keySet(running.url), async (ask, any) => {
      const [head, body, signature] = (await tokenOf(rsa)).split('.') as [string, string, string]
      const none = `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url(good())}.`
      const publicPem = await exportSPKI(rsa.publicKey)
      const confused = new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid: rsa.kid })
      const cases: Record<string, readonly [string, string]> = {
        'alg none': [none, 'token_algorithm'],
        'alg NONE': [
          none.replace(base64url({ alg: 'none', typ: 'JWT' }), base64url({ alg: 'NONE' })),
          'token_algorithm',
        ],
        'alg none with a good signature': [`${base64url({ alg: 'none' })}.${body}.${signature}`, 'token_algorithm'],
        'the public key as a secret': [await confused.sign(Buffer.from(publicPem)), 'token_algorithm'],
        'a secret': [await secretToken(), 'token_algorithm'],
        'an algorithm that is not listed': [
          await new SignJWT(good())
            .setProtectedHeader({ alg: 'PS256', kid: rsa.kid })
            .sign(
              await crypto.subtle.importKey(
                'jwk',
                { ...(await exportJWK(rsa.privateKey)), alg: 'PS256' },
                { name: 'RSA-PSS', hash: 'SHA-256' },
                false,
                ['sign'],
              ),
            ),
          'token_algorithm',
        ],
        'no algorithm': [`${base64url({ kid: rsa.kid })}.${body}.${signature}`, 'token_malformed'],
        expired: [await tokenOf(rsa, { exp: now() - 30 }), 'token_expired'],
        'expired long ago': [await tokenOf(rsa, { exp: 0 }), 'token_expired'],
        'without an end': [await tokenOf(rsa, { exp: undefined }), 'token_claim'],
        'an end that is no number': [await tokenOf(rsa, { exp: '9999999999' }), 'token_claim'],
        'not valid yet': [await tokenOf(rsa, { nbf: now() + 60 }), 'token_claim'],
        'another audience': [await tokenOf(rsa, { aud: 'other' }), 'token_claim'],
        'no audience': [await tokenOf(rsa, { aud: undefined }), 'token_claim'],
        'another issuer': [await tokenOf(rsa, { iss: 'https://evil.example' }), 'token_claim'],
        'an issuer that begins alike': [await tokenOf(rsa, { iss: `${issuer}.evil` }), 'token_claim'],
        'no subject': [await tokenOf(rsa, { sub: undefined }), 'token_claim'],
        'an empty subject': [await tokenOf(rsa, { sub: '' }), 'token_malformed'],
        'a subject that no database stores': [await tokenOf(rsa, { sub: 'a\u0000b' }), 'token_malformed'],
        'a long subject': [await tokenOf(rsa, { sub: 'x'.repeat(256) }), 'token_malformed'],
        'another key of the same name': [await tokenOf({ ...otherRsa, kid: rsa.kid }), 'token_signature'],
        'an unknown key': [await tokenOf(otherRsa), 'token_signature'],
        'a key of another kind': [await tokenOf(rsa, {}, { kid: ec.kid }), 'token_signature'],
        'its own key in the header': [
          await tokenOf(otherRsa, {}, { jwk: await exportJWK(otherRsa.publicKey), kid: rsa.kid }),
          'token_signature',
        ],
        'other claims': [`${head}.${base64url({ ...good(), scope: 'admin' })}.${signature}`, 'token_signature'],
        'no signature': [`${head}.${body}.`, 'token_signature'],
        'cut off': [`${head}.${body}`, 'token_malformed'],
        'four parts': [`${head}.${body}.${signature}.x`, 'token_malformed'],
        'a header that must be understood': [
          `${base64url({ alg: 'RS256', kid: rsa.kid, crit: ['b64'], b64: false })}.${body}.${signature}`,
          'token_signature',
        ],
        'a header that nobody understands': [
          `${base64url({ alg: 'RS256', kid: rsa.kid, crit: ['x'], x: 1 })}.${body}.${signature}`,
          'token_malformed',
        ],
        'prototype names': [
          `${base64url({ alg: '__proto__', kid: 'constructor' })}.${body}.${signature}`,
          'token_algorithm',
        ],
        garbage: ['garbage', 'token_malformed'],
        dots: ['..', 'token_malformed'],
        'no base64': ['!!.@@.##', 'token_malformed'],
        'no JSON': [`${Buffer.from('{').toString('base64url')}.${body}.${signature}`, 'token_malformed'],
        'very long': [`${head}.${'A'.repeat(10_000)}.${signature}`, 'token_malformed'],
      }
      for (const [name, [token, reason]] of Object.entries(cases)) {
        const reply = await ask(token)
        expect([reply.status, reply.body.code, reply.body.reason], name).toEqual([401, 'unauthorized', reason])
        expect(reply.body.challenge).toBe('Bearer realm="ea", error="invalid_token"')
        expect(reply.body.message, name).toMatch(/^The token is refused: .{10,}\.$/)
        for (const piece of token.split('.').filter((part) => part.length > 9)) {
          expect(JSON.stringify(reply.body), name).not.toContain(piece)
        }
      }
      // In other places than the header Authorization a token is none.
      const token = await tokenOf(rsa)
      expect((await any({ 'x-api-key': token })).body.reason).toBe('key_malformed')
      expect((await any({}, { query: `?key=${token}`, allowQueryKey: true })).body.reason).toBe('key_malformed')
      expect((await ask(token)).status).toBe(200)
      // Unknown keys do not send us to the issuer again and again.
      expect(running.asked).toBe(1)
    }),
  ))

test('tokens signed with a secret', () =>
  withServer(bySecret, async (ask) => {
    expect(await ask(await secretToken())).toMatchObject({ status: 200, body: { name: 'user-1' } })
    const cases: readonly [string, string][] = [
      [await secretToken({}, 'HS256', `${secret}!`), 'token_signature'],
      [await secretToken({}, 'HS512'), 'token_algorithm'],
      [await secretToken({ exp: now() - 30 }), 'token_expired'],
      [await tokenOf(rsa), 'token_algorithm'],
      [`${base64url({ alg: 'none' })}.${base64url(good())}.`, 'token_algorithm'],
    ]
    for (const [token, reason] of cases) expect((await ask(token)).body).toMatchObject({ code: 'unauthorized', reason })
  }))

test('API keys and tokens work side by side', () =>
  withFreshDatabase(async (db) => {
    const { key } = await createKey(db, { name: 'web', scopes: ['write'] })
    await withAccess(db, { jwt: bySecret }, (access) =>
      withAsking(access, async (ask) => {
        expect((await ask({ 'x-api-key': key })).body.name).toBe('web')
        expect((await ask({ authorization: `Bearer ${key}` })).body.name).toBe('web')
        const token = await secretToken()
        expect((await ask({ authorization: `Bearer ${token}` })).body.name).toBe('user-1')
        expect((await ask({ authorization: `Bearer ${token}`, 'x-api-key': key })).body.reason).toBe('ambiguous')
        await revokeKey(db, 'web')
        await until(async () => (await ask({ 'x-api-key': key })).status === 401)
        expect(access.isRequired).toBe(true)
      }),
    )
  }))

test('a token that names no key is tried with each that fits', () =>
  withIssuer([otherRsa, rsa], (running) =>
    withServer(keySet(running.url), async (ask) => {
      expect((await ask(await tokenOf(rsa, {}, { kid: undefined }))).status).toBe(200)
      const third = await pair('x', 'RS256')
      expect((await ask(await tokenOf(third, {}, { kid: undefined }))).body.reason).toBe('token_signature')
      expect((await ask(await tokenOf(rsa, { aud: 'other' }, { kid: undefined }))).body.reason).toBe('token_claim')
    }),
  ))

test('an issuer that cannot be asked is not the fault of the token', () =>
  withIssuer([rsa], (running) =>
    withServer(keySet(running.url), async (ask) => {
      running.status = 500
      const token = await tokenOf(rsa)
      for (let n = 0; n < 5; n++) {
        expect(await ask(token)).toMatchObject({ status: 503, body: { code: 'jwks_unavailable' } })
      }
      // One that does not answer is left in peace for a while.
      expect(running.asked).toBe(1)
      running.status = 200
      await until(async () => (await ask(token)).status === 200)
      // Its keys are known now: it may go.
      await running.stop()
      expect((await ask(token)).status).toBe(200)
      expect((await ask(await tokenOf(otherRsa))).status).toBe(401)
    }),
  ))

test('options that would verify nothing, or anything, are refused at the start', () => {
  const url = 'https://id.example/jwks'
  const cases: readonly [Partial<JwtOptions>, RegExp][] = [
    [{}, /either the URL of a key set or a secret/],
    [{ jwksUrl: url, secret }, /either the URL/],
    [{ jwksUrl: url, issuer: '' }, /issuer is missing/],
    [{ jwksUrl: url, audience: '' }, /audience is missing/],
    [{ jwksUrl: url, algorithms: [] }, /list of algorithms is empty/],
    [{ jwksUrl: url, algorithms: ['none'] }, /"none" is no algorithm/],
    [{ jwksUrl: url, algorithms: ['RS256', 'HS256'] }, /"HS256" is no algorithm for a key set/],
    [{ jwksUrl: url, algorithms: ['rs256'] }, /"rs256" is no algorithm/],
    [{ secret, algorithms: ['RS256'] }, /"RS256" is no algorithm for a secret/],
    [{ secret, algorithms: ['HS256', 'none'] }, /"none" is no algorithm/],
    [{ secret: 'short', algorithms: ['HS256'] }, /at least 32 bytes/],
    [{ secret: `-----BEGIN PUBLIC KEY-----\n${secret}`, algorithms: ['HS256'] }, /key in PEM/],
    [{ jwksUrl: 'http://id.example/jwks' }, /must begin with https/],
    [{ jwksUrl: 'http://127.0.0.1.example/jwks' }, /must begin with https/],
    [{ jwksUrl: 'file:///etc/passwd' }, /must begin with https/],
    [{ jwksUrl: 'nonsense' }, /must begin with https/],
  ]
  for (const [given, message] of cases) {
    const options = { issuer, audience, algorithms: ['RS256'], ...given }
    let thrown: unknown
    try {
      tokenVerifier(options)
    } catch (error) {
      thrown = error
    }
    expect(thrown, JSON.stringify(given)).toMatchObject({ code: 'usage', message: expect.stringMatching(message) })
    expect((thrown as Error).message).not.toContain(secret)
  }
  const many = () => tokenVerifier({ issuer: '', audience: '', algorithms: [] })
  expect(many).toThrow(expect.objectContaining({ details: { problems: expect.arrayContaining([expect.any(String)]) } }))
  for (const jwksUrl of [url, 'http://localhost:1/x', 'http://127.0.0.1/x', 'http://[::1]/x']) {
    expect(tokenVerifier({ jwksUrl, issuer, audience, algorithms: ['RS256', 'EdDSA'] })).toBeTypeOf('function')
  }
})
