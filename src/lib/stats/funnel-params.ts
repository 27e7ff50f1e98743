/** The parameters of a funnel, and what can be said about them only when all are known. */
import * as z from 'zod'
import { durationMs } from '../duration.js'
import { EaError } from '../errors.js'
import { commonParams, parsedText } from './params.js'
import { type Exclusion, parseExclusion, parseSelector, pointAt, SyntaxProblem } from './segment-grammar.js'

const maxSteps = 20
const maxWindowDays = 3660
const stepCountError = { error: `must be given 2 to ${maxSteps} times, once for each step` }

/** How long an attempt may take. */
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

export const orders = ['ordered', 'strict', 'unordered'] as const

export const funnelParams = z.strictObject({
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
    .describe('ordered: other events may lie between the steps; strict: none may; unordered: the steps in any order.'),
  exclude: z
    .array(
      // How many steps there are is not known here: `exclusionsOf` reads the numbers behind the selector again.
      parsedText((text) => {
        const { selector } = parseExclusion(text, maxSteps)
        return { text, selector }
      }),
    )
    .max(maxSteps)
    .default([])
    .describe(
      'An event that must not lie between the steps; refund:1-2 counts only between steps 1 and 2; repeatable.',
    ),
})
export type FunnelParams = z.output<typeof funnelParams>

/**
 * The exclusions with the steps between which they count.
 *
 * @throws EaError `usage` for steps that the funnel does not have, and for a part of an unordered funnel
 */
export function exclusionsOf({ exclude, step, order }: FunnelParams): Exclusion[] {
  return exclude.map(({ text }) => {
    const exclusion = readExclusion(text, step.length)
    const isWhole = exclusion.after === 1 && exclusion.before === step.length
    if (order === 'unordered' && !isWhole) {
      throw new EaError('usage', `exclude ${text}: steps in any order have no numbers to count between.`, {
        suggestions: [`Leave out the numbers: ${exclusion.selector.text}.`],
      })
    }
    return exclusion
  })
}

function readExclusion(text: string, stepCount: number): Exclusion {
  try {
    return parseExclusion(text, stepCount)
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    throw new EaError('usage', `exclude: ${error.message}\n${pointAt(error)}`, {
      suggestions: [`The funnel has ${stepCount} steps, counted from 1.`],
    })
  }
}
