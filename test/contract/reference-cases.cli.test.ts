/**
 * Facts from the public test suites of others (each case names its source): the same events and question must give the
 * same numbers here, through the binary's JSON. Rows of a retention are triangles there: their beginnings are compared.
 */
import { beforeAll, expect, test } from 'vitest'
import { type Bench, uuidOf, withBench } from '../commands/import-content.js'
import { builtOnce } from '../support/binary.js'
import facts from './reference-cases.json' with { type: 'json' }

interface Expected {
  /** The beginning of `users` of each cohort. */
  readonly users_by_cohort?: Record<string, number[]>
  /** Whole columns, in the order of the rows. */
  readonly columns?: Record<string, (number | null)[]>
  /** Every other row has 0 users. */
  readonly users_by_periods_active?: Record<string, number>
}

interface Case {
  readonly id: string
  readonly name: string
  readonly args: string[]
  /** User, event type, instant. */
  readonly events: [string, string, string][]
  readonly expected: Expected
}
const cases = facts as unknown as Case[]

beforeAll(builtOnce)

async function answers({ json }: Bench, { args, events }: Case) {
  const lines = events.map(([user_id, event_type, occurred_at], index) =>
    JSON.stringify({ event_id: uuidOf(index), occurred_at, user_id, event_type }),
  )
  const imported = await json(['import', '-'], { input: `${lines.join('\n')}\n` })
  expect(imported.totals).toMatchObject({ inserted: events.length, rejected: 0 })
  return json(['stats', ...args])
}

for (const one of cases) {
  test(`${one.id}: ${one.args[0]}, ${one.name}`, () =>
    withBench(async (bench) => {
      const { data } = await answers(bench, one)
      const { users_by_cohort, columns, users_by_periods_active } = one.expected
      for (const [cohort, users] of Object.entries(users_by_cohort ?? {})) {
        const row = data.find((row: { cohort: string }) => row.cohort === cohort)
        expect(row?.users.slice(0, users.length), cohort).toEqual(users)
        expect(row.size, cohort).toBe(users[0])
      }
      for (const [name, values] of Object.entries(columns ?? {})) {
        expect(
          data.map((row: Record<string, unknown>) => row[name]),
          name,
        ).toEqual(values)
      }
      if (users_by_periods_active !== undefined) {
        const rows = data.filter(({ users }: { users: number }) => users > 0)
        expect(Object.fromEntries(rows.map((row: Record<string, number>) => [row.periods_active, row.users]))).toEqual(
          users_by_periods_active,
        )
      }
    }))
}
