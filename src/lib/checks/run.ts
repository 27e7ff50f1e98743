/**
 * Runs checks: all questions in one transaction, so that all see the same batches, and each question once. What an answer
 * is worth is decided in `evaluate.ts`, without a database.
 *
 *   file ─ checks ─ questions, each once ─ answers ─ evaluate ─ outcomes ─ reporters, exit code
 */
import type { Database, Session } from '../db/connect.js'
import { inReading, type RunStatOptions } from '../stats/query/run-stat.js'
import { comparisonText } from './assertion/text.js'
import { readClock } from './evaluate/data-quality.js'
import { evaluateCheck } from './evaluate/evaluate.js'
import { type CheckOutcome, type CheckReport, type Status, statuses } from './evaluate/outcome.js'
import { namedByCheck, QueryCache, type QueryResults } from './evaluate/query-cache.js'
import type { Check } from './file/check.js'

export interface RunOptions extends RunStatOptions {
  /** The mildest result for which the exit code is 6 (default `fail`). */
  readonly failOn?: 'warn' | 'fail' | undefined
}

/**
 * Runs checks. One that does not hold is a result, not an error.
 *
 * @throws EaError `usage` for a question that cannot be asked of this data, such as a range that ends before it begins
 * @example
 * const { outcomes, exitCode } = await runChecks(db, parseCheckFile({ file: 'metrics.yaml', text }))
 */
export function runChecks(db: Database, checks: readonly Check[], options: RunOptions = {}): Promise<CheckReport> {
  const began = performance.now()
  return inReading(db, options, async (s) => {
    const questions = new QueryCache(s, options)
    const outcomes: CheckOutcome[] = []
    for (const check of checks) outcomes.push(outcomeOf(check, await namedByCheck(check, questions.of(check))))
    const asOf = await commonAsOf(s, checks)
    return { outcomes, ...verdictOf(outcomes, options), asOf, seconds: (performance.now() - began) / 1000 }
  })
}

function outcomeOf(check: Check, { baseWindows, ...found }: QueryResults): CheckOutcome {
  const { name, stat, assertion, minBase, place } = check
  const { verdict, ...judged } = evaluateCheck({ assertion, minBase, ...found })
  const { from, to, tz, warnings } = (found.answer?.meta ?? {}) as Partial<
    Record<'from' | 'to' | 'tz', string | null>
  > & {
    warnings?: string[]
  }
  return {
    ...judged,
    name,
    status: verdict === 'unknown' ? check.onUnknown : verdict ? 'pass' : check.severity,
    stat: stat?.name,
    assert: assertion.text,
    threshold: comparisonText(assertion),
    window: from && to && tz ? { from, to, tz } : null,
    baseWindows,
    warnings: warnings ?? [],
    place,
  }
}

function verdictOf(
  outcomes: readonly CheckOutcome[],
  { failOn }: RunOptions,
): Pick<CheckReport, 'counts' | 'exitCode'> {
  const count = (status: Status) => outcomes.filter((outcome) => outcome.status === status).length
  const counts = Object.fromEntries(statuses.map((status) => [status, count(status)])) as CheckReport['counts']
  const isFailed = counts.fail > 0 || (failOn === 'warn' && counts.warn > 0)
  return { counts, exitCode: isFailed ? 6 : counts.unknown > 0 ? 7 : 0 }
}

/** What all checks took for now; where they do not agree, when they were asked. */
async function commonAsOf(s: Session, checks: readonly Check[]): Promise<string> {
  const clocks = checks.map(({ params: { asOf, tz } }) => ({ asOf, tz }) as { asOf?: string; tz?: string })
  const isCommon = new Set(clocks.map((clock) => JSON.stringify(clock))).size === 1
  return (await readClock(s, isCommon ? clocks[0]! : {})).asOf
}
