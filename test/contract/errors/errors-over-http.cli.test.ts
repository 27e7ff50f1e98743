/**
 * Every error that `ea serve` answers with, provoked by a request to the binary: the status of the catalogue, a problem
 * of RFC 9457 that says what to do next, and the headers that belong to the status and nowhere else.
 */
import { expect, test } from 'vitest'
import { catalogue, type ErrorCode } from '../../../src/lib/core/errors.js'
import { openApiDocument } from '../../../src/lib/serve/openapi/openapi.js'
import { routes } from '../../../src/lib/serve/routes.js'
import { builtOnce } from '../../support/binary.js'
import { httpFixtures, impossibleOverHttp } from './http-errors.js'

/** Headers that tell the client what to do, and where they must stand. */
const telling: Readonly<Record<string, { readonly value: RegExp; readonly isFor: (code: ErrorCode) => boolean }>> = {
  'retry-after': { value: /^[1-9]\d*$/, isFor: (code) => [429, 503].includes(catalogue[code].http) },
  allow: { value: /^[A-Z]+(, [A-Z]+)*$/, isFor: (code) => code === 'method_not_allowed' },
  // No credential helps a page whose site may not send.
  'www-authenticate': { value: /^Bearer realm="ea"/, isFor: (code) => ['unauthorized', 'forbidden'].includes(code) },
}

/** Those that are told to the people who run the server, in its log. */
const isOurs = (code: ErrorCode) => catalogue[code].exit === 1 || code.startsWith('database_')

const codes = Object.keys(httpFixtures) as ErrorCode[]

test('every code that the OpenAPI document names is provoked here', () => {
  const named = JSON.stringify(openApiDocument(routes)).matchAll(/"code":\{"type":"string","enum":\[([^\]]*)\]/g)
  const documented = new Set([...named].flatMap(([, list]) => JSON.parse(`[${list}]`) as string[]))
  expect(documented.size).toBeGreaterThan(10)
  expect([...documented].filter((code) => !codes.includes(code as ErrorCode))).toEqual([])
})

test.for(codes.filter((code) => impossibleOverHttp[code] === undefined))('%s', async (code) => {
  await builtOnce()
  const { status, headers, body } = await httpFixtures[code]!()
  expect([status, JSON.parse(body).code, body]).toEqual([catalogue[code].http, code, body])
  expect(headers['content-type']).toMatch(/^application\/problem\+json(;|$)/)
  const problem = JSON.parse(body) as { detail: string; suggestions: string[] }
  expect(problem).toMatchObject({ type: 'about:blank', title: expect.stringMatching(/^\S/), status })
  expect(problem.detail).toMatch(/^\S.*\S$/s)
  if (isOurs(code)) expect(problem).toMatchObject({ detail: catalogue[code].meaning, suggestions: [] })
  else expect(problem.suggestions.length).toBeGreaterThan(0)
  for (const [name, { value, isFor }] of Object.entries(telling)) {
    if (isFor(code)) expect(headers[name], name).toMatch(value)
    else expect(headers[name], name).toBeUndefined()
  }
})
