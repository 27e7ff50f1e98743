/** What checks would ask, as SQL, instead of asking it. */

import { addDays } from '../core/time.js'
import type { Database, Session } from '../db/connect.js'
import { inReading, type RunStatOptions, type Statement, statementOf } from '../stats/query/run-stat.js'
import { baseWindow } from './evaluate/base-windows.js'
import { type Clock, freshnessQuery, importsQuery } from './evaluate/data-quality.js'
import { movedParams, namedByCheck } from './evaluate/query-cache.js'
import type { Check } from './file/check.js'

export interface ExplainedCheck {
  readonly name: string
  /** The assertion as it was written. */
  readonly assert: string
  /** That of the value first, those of its bases after it. */
  readonly statements: readonly Statement[]
}

/**
 * The statements of each check, with their parameters.
 *
 * @throws EaError `usage` as `runChecks`
 */
export function explainChecks(
  db: Database,
  checks: readonly Check[],
  options: RunStatOptions = {},
): Promise<ExplainedCheck[]> {
  return inReading(db, options, async (s) => {
    const explained: ExplainedCheck[] = []
    for (const check of checks) {
      const statements = await namedByCheck(check, statementsOf(s, check, options))
      explained.push({ name: check.name, assert: check.assertion.text, statements })
    }
    return explained
  })
}

async function statementsOf(
  s: Session,
  { stat, params, assertion }: Check,
  options: RunStatOptions,
): Promise<Statement[]> {
  const { subject, change } = assertion
  if (subject.kind === 'freshness') {
    const { sql, parameters } = (await freshnessQuery(s, params as Clock)).compile(s.q)
    return [{ sql, parameters }]
  }
  if (subject.kind !== 'column' || stat === undefined) {
    const { over } = subject as Exclude<typeof subject, { kind: 'column' }>
    const { sql, parameters } = importsQuery(s, over).compile(s.q)
    return [{ sql, parameters }]
  }
  const { statement, range } = await statementOf(s, stat, { ...params }, options)
  if (change === undefined || range === undefined) return [statement]
  const window = { from: range.from, to: addDays(range.to, -1) }
  const statements = [statement]
  for (const base of baseWindow(change, window, stat.range(params).grain)) {
    const moved = movedParams(stat, params, base)
    if (moved !== undefined) statements.push((await statementOf(s, stat, { ...moved }, options)).statement)
  }
  return statements
}
