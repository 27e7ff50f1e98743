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

const times = (n: number) => `2024-06-01T10:00:0${n}Z`

test('what is in the object of somebody is about them; a name says more than a type that is always the same', () => {
  const records = [1, 2, 3].map((n) => ({
    eventTime: times(n),
    eventType: 'AwsApiCall',
    eventName: n === 1 ? 'GetObject' : 'PutObject',
    recipientAccountId: '1',
    userIdentity: { principalId: `p${n % 2}`, accountId: '1' },
  }))
  expect(flags(records)?.[0]).toBe('occurred_at=eventTime,user_id=userIdentity.principalId,event_type=eventName')
  const keen = [1, 2, 3].map((n) => ({ ts: times(n), user: { email: 'a@b.c', id: `u${n}` }, action: 'buy' }))
  expect(flags(keen)?.[0]).toBe('occurred_at=ts,user_id=user.id,event_type=action')
})

test('the number of an order is no type', () => {
  const orders = [1, 2, 3].map((n) => ({
    created_at: times(n),
    name: `#100${n}`,
    email: 'a@b.c',
    total_price: '12.00',
    id: n,
  }))
  expect(flags(orders)).toEqual(["occurred_at=created_at,user_id=email,event_type='purchase'", 'id'])
})

test('an id of what several events are about is one only together with what happened and when', () => {
  const mails = [1, 2].map((n) => ({ messageId: `m${n}`, email: 'a@b.c', eventName: 'open', createdAt: times(n) }))
  expect(flags(mails)?.[1]).toBe('messageId,eventName,createdAt')
})

test('an id of a row that was changed is not one of the change', () => {
  const changes = [1, 2].map((n) => ({
    before: null,
    after: { id: n, user_id: 7, kind: 'order', created_at: times(n) },
    op: 'c',
  }))
  expect(flags(changes)).toEqual(['occurred_at=after.created_at,user_id=after.user_id,event_type=after.kind', '*'])
  expect(flags(changes.map((payload) => ({ schema: {}, payload })))?.[1]).toBe('*')
})

test('the host of a page is no user, the host of a log is', () => {
  const pages = [1, 2].map((n) => ({ timestamp: times(n), hostname: 'shop.example', pathname: '/', visits: 1 }))
  expect(flags(pages)).toBe(null)
  const log = [1, 2].map((n) => ({ timestamp: times(n), hostname: `h${n}`, appname: 'sshd', message: 'x' }))
  expect(flags(log)?.[0]).toBe('occurred_at=timestamp,user_id=hostname,event_type=appname')
})

test('digits are a time when their name says so', () => {
  const records = [1, 2].map((n) => ({ __REALTIME_TIMESTAMP: `171723240000000${n}`, _UID: '0', MESSAGE: 'x' }))
  expect(flags(records)?.[0]).toContain('occurred_at=__REALTIME_TIMESTAMP,user_id=_UID')
})
