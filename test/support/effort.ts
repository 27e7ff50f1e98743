/**
 * Property tests with the effort of the run: `quick` (the default) tries a twentieth of the cases of each property, other ones
 * each day; `full` tries all. Seeds that once failed are always tried.
 */
import fc from 'fast-check'
import { expect, TestRunner } from 'vitest'
import { effort, seed } from './effort-of-run.js'
import { regressions } from './regressions.js'

/** What this run makes of a number; a test that depends on it is found by its tag, and run again in full. */
function ofEffort(full: number, quick: number): number {
  if (!TestRunner.getCurrentTest()?.tags?.includes('property'))
    throw new Error("a test whose cases depend on the effort needs { tags: 'property' }, or no run tries all of them")
  return effort === 'full' ? full : quick
}

/** How many of `full` cases this run tries: at least three. */
const runs = (full: number) => ofEffort(full, Math.max(Math.ceil(full / 20), 3))

/** A size that only a full run needs whole. */
export const size = (full: number, quick: number) => ofEffort(full, quick)

/** How often a property must have met something rare: `full` times in a full run, a fortieth of it in a quick one. */
export const atLeast = (full: number) => ofEffort(full, Math.floor(full / 40))

/**
 * `fc.assert` with the effort, the seed of the day and the regressions of the test that calls it.
 *
 * @param full how many cases are tried with EA_TEST_EFFORT=full
 *
 * @example
 * assertProperty(fc.property(fc.string(), (text) => expect(parse(print(text))).toBe(text)), 500)
 */
export function assertProperty<Values>(
  property: fc.IAsyncProperty<Values>,
  full: number,
  parameters?: fc.Parameters<Values>,
): Promise<void>
export function assertProperty<Values>(
  property: fc.IProperty<Values>,
  full: number,
  parameters?: fc.Parameters<Values>,
): void
export function assertProperty<Values>(
  property: fc.IRawProperty<Values>,
  full: number,
  parameters?: fc.Parameters<Values>,
): Promise<void> | void {
  const test = expect.getState().currentTestName ?? ''
  const known = regressions.filter((each) => test.endsWith(each.test))
  const tries = [...known.map((each) => ({ seed: each.seed, numRuns: each.cases })), { seed, numRuns: runs(full) }]
  const results = tries.map((one) => () => fc.assert(property, { ...parameters, ...one }))
  if (property.isAsync()) return results.reduce<Promise<void>>((before, next) => before.then(next), Promise.resolve())
  for (const run of results) run()
}
