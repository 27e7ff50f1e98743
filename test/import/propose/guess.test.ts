/** A mapping from names and values, for exports that no preset knows. */
import { expect, test } from 'vitest'
import { guessMapping } from '../../../src/lib/import/propose/guess.js'
import { formatIdFrom, formatMap } from '../../../src/lib/load/mapping/map-parser.js'

const flags = (records: readonly Record<string, unknown>[], columns: readonly string[] | null = null) => {
  const guess = guessMapping(records, columns, 'export.json')
  return guess && [formatMap(guess.map), guess.idFrom && formatIdFrom(guess.idFrom)]
}

const uuid = (n: number) => `1111111${n}-1111-4111-8111-111111111111`

test('a name that ends like a known one: external_user_id', () => {
  const records = [1, 2, 3].map((n) => ({
    id: uuid(n),
    time: 1_704_190_000 + n,
    external_user_id: `u${n}`,
    event_type: 'open',
  }))
  expect(flags(records)).toEqual(['event_id=id,occurred_at=time,user_id=external_user_id', undefined])
})

test('an object around an id says whose it is: user.id is a user, and no event_id', () => {
  const records = [1, 2, 3].map((n) => ({ ts: 1_704_190_000 + n, user: { id: uuid(n) }, name: 'click' }))
  expect(flags(records)).toEqual(['occurred_at=ts,user_id=user.id,event_type=name', '*'])
})

test('times of fourteen digits, a user called identity', () => {
  const records = [1, 2].map((n) => ({
    profile: { identity: `u${n}` },
    ts: 20_240_102_100_000 + n,
    event_name: 'Charged',
  }))
  expect(flags(records)).toEqual(['occurred_at=ts,user_id=profile.identity,event_type=event_name', '*'])
})

test('a word that only happens to end like a name is not taken for one', () => {
  // `transaction` is no `action`.
  const records = [1, 2, 3].map((n) => ({
    created_at: `2024-01-0${n}`,
    customer: `c${n}`,
    transaction: 'card',
    kind: 'sale',
  }))
  expect(flags(records)).toEqual(['occurred_at=created_at,user_id=customer,event_type=kind', '*'])
})

test('placeholders in braces are names', () => {
  const records = [1, 2].map((n) => ({ '{created_at}': `170419000${n}`, '{adid}': `a${n}`, '{event_name}': 'session' }))
  const columns = ['{created_at}', '{adid}', '{event_name}']
  expect(flags(records, columns)?.[1]).toBe('*')
  expect(flags(records, columns)?.[0]).toContain('adid')
})
