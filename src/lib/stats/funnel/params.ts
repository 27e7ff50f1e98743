/** The parameters of a funnel, and what can be said about them only when all are known. */
import * as z from 'zod'
import { durationMs } from '../../core/duration.js'
import { byParam } from '../breakdown/breakdown.js'
import { type Exclusion, parseExclusion, parseSelector, SyntaxProblem } from '../filter/filter-parser.js'
import { commonParams, parsedText, pointedIssue } from '../query/params.js'

const maxSteps = 20
const maxWindowDays = 3660
const stepCountError = { error: `must be given 2 to ${maxSteps} times, once for each step` }

/**
 * How long an attempt may take. Exported because the type of `funnelStat` names it.
 *
 * @public
 */
export interface FunnelWindow {
  /** As it was written. */
  readonly text: string
  readonly ms: number
}

function parseWindow(text: string): FunnelWindow {
  const ms = durationMs(text, ['s', 'm', 'h', 'd'])
  if (ms === undefined) {
    const isBare = /^\d+$/.test(text)
    throw new SyntaxProblem(
      'expected a number and its unit: 90s, 30m, 12h or 14d',
      text,
      isBare ? text.length : 0,
      isBare ? `${text}d` : undefined,
    )
  }
  if (ms > 0 && ms <= maxWindowDays * 86_400_000) return { text, ms }
  throw new SyntaxProblem(`expected more than 0 and at most ${maxWindowDays}d`, text, 0)
}

const orders = ['ordered', 'strict', 'unordered'] as const

const fields = z.strictObject({
  ...commonParams,
  step: z
    .array(parsedText(parseSelector), stepCountError)
    .min(2, stepCountError)
    .max(maxSteps, stepCountError)
    .describe('The event of a step: purchase, purchase[properties.value>10]; repeat it for each step, in their order.'),
  window: z
    .string()
    .default('14d')
    .pipe(parsedText(parseWindow))
    .describe('How long after the first step the others may come, that instant included: 90s, 30m, 12h, 14d.'),
  order: z
    .enum(orders)
    .default('ordered')
    .describe('ordered: other events may come between the steps; strict: none may; unordered: the steps in any order.'),
  by: byParam('Tell users apart, by the event of their first step,'),
  limit: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('With --by, how many keys: those with the most users (default: 10).'),
  exclude: z
    .array(
      // How many steps there are is not known here: the numbers behind the selector are read again below.
      parsedText((text) => {
        const { selector } = parseExclusion(text, maxSteps)
        return { text, selector }
      }),
    )
    .max(maxSteps, { error: `must be given at most ${maxSteps} times` })
    .default([])
    .describe(
      'An event that must not come between the steps; refund:1-2 counts only between steps 1 and 2; repeatable.',
    ),
})

export const funnelParams = fields.superRefine((params, context) => {
  const { exclude, step, order } = params
  for (const [index, { text, selector }] of exclude.entries()) {
    const path = ['exclude', index]
    try {
      const { after, before } = parseExclusion(text, step.length)
      if (order !== 'unordered' || (after === 1 && before === step.length)) continue
      const message = `must be without step numbers (${selector.text}): steps in any order have none`
      context.addIssue({ code: 'custom', path, message })
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error
      context.addIssue(pointedIssue(error, path))
    }
  }
})
export type FunnelParams = z.output<typeof fields>

/** The exclusions with the steps between which they count. */
export function exclusionsOf({ exclude, step }: FunnelParams): Exclusion[] {
  return exclude.map(({ text }) => parseExclusion(text, step.length))
}
