/**
 * Seeds of property tests that once failed, or that reach what is rare: tried in every run, before the seed of the day.
 * When a property fails, fast-check prints its seed: add a line, fix the fault, keep the line.
 */
export const regressions: readonly { readonly test: string; readonly seed: number; readonly cases: number }[] = [
  { test: 'whatever comes: each request once, in order, in runs that may be', seed: 4, cases: 20 },
  {
    test: 'any order and any split of the same records: the first one wins, and the rollups are true',
    seed: 20_250_301,
    cases: 10,
  },
]
