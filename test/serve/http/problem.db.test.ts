/** What problems say to do next is of use to somebody who has no terminal, and what concerns the others is logged. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createKey } from '../../../src/lib/keys/keys.js'
import { type Scope, scopes } from '../../../src/lib/keys/scopes.js'
import { withServing } from '../../support/serve/serving.js'

const problemAt = async (url: string, init?: RequestInit) =>
  (await (await fetch(url, init)).json()) as { code: string; suggestions: string[] }

test('who lacks a scope is told which', async () => {
  const keys = new Map<Scope, string>()
  await withServing(
    {},
    async ({ url }) => {
      const asked: readonly (readonly [has: Scope, path: string, method: string, needs: Scope])[] = [
        ['read', '/events', 'POST', 'write'],
        ['write', '/stats/dau', 'GET', 'read'],
        ['write', '/batches', 'GET', 'read'],
      ]
      for (const [has, path, method, needs] of asked) {
        const problem = await problemAt(url + path, { method, headers: { 'x-api-key': keys.get(has)! } })
        expect(problem).toMatchObject({ code: 'forbidden', scope: needs })
        expect(problem.suggestions).toEqual([expect.stringContaining(`--scope ${needs}\``)])
      }
    },
    {
      before: async (db) => {
        for (const scope of scopes) keys.set(scope, (await createKey(db, { name: scope, scopes: [scope] })).key)
      },
    },
  )
})

test('who asks for a batch that there is not is sent to the list over HTTP', async () => {
  await withServing({}, async ({ url }) => {
    for (const path of ['/batches/17', '/batches/17/rejects']) {
      expect(await problemAt(url + path)).toMatchObject({
        code: 'batch_not_found',
        suggestions: ['See the batches: GET /batches.'],
      })
    }
  })
})

test('who waits for the rate limit is told for how long, twice the same', async () => {
  await withServing({ rateLimit: 1 }, async ({ url }) => {
    await fetch(`${url}/stats`)
    const answer = await fetch(`${url}/stats`)
    const seconds = Number(answer.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(await answer.json()).toMatchObject({ code: 'rate_limited', retry_after_seconds: seconds })
  })
})

test('the log says when the keys cannot be read, and when they can again', async () => {
  const lines: { level: string; msg: string; reason?: string }[] = []
  const said = async (msg: RegExp) => {
    for (;;) {
      const line = lines.find((one) => msg.test(one.msg))
      if (line !== undefined) return line
      await sleep(20)
    }
  }
  await withServing(
    {},
    async ({ db }) => {
      await sql`ALTER TABLE ${db.t.api_keys} RENAME COLUMN scopes TO hidden`.execute(db.q)
      expect(await said(/^the keys cannot be read/)).toMatchObject({
        level: 'warn',
        reason: expect.stringContaining('scopes'),
      })
      await sql`ALTER TABLE ${db.t.api_keys} RENAME COLUMN hidden TO scopes`.execute(db.q)
      expect(await said(/^the keys can be read again/)).toMatchObject({ level: 'info' })
    },
    { logTo: { write: (line) => void lines.push(JSON.parse(line)) } },
  )
})
