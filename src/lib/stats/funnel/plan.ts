/**
 * What is known about the steps of a funnel before any event is read: which of them are the same, which can be satisfied
 * by the same event. From this follows which form of the statement can answer.
 */

import type { Condition, Selector } from '../filter/filter.js'
import type { Exclusion } from '../filter/filter-parser.js'

/** Whether the selectors say the same, however they are written. */
function isSameSelector(a: Selector, b: Selector): boolean {
  return keyOf(a) === keyOf(b)
}

function keyOf({ eventType, conditions }: Selector): string {
  const keys = conditions.map(({ field, operator, values }) => JSON.stringify([field, operator, [...values].sort()]))
  return JSON.stringify([eventType, ...keys.sort()])
}

/** Whether an event may satisfy both: `false` is certain, `true` is not. */
function mayShareEvents(a: Selector, b: Selector): boolean {
  if (a.eventType !== b.eventType) return false
  return !a.conditions.some((one) => b.conditions.some((other) => areContrary(one, other)))
}

/** Whether one field would need two values at once; `=` compares texts, so that different ones are never equal. */
function areContrary(a: Condition, b: Condition): boolean {
  const isSameField = JSON.stringify(a.field) === JSON.stringify(b.field)
  return isSameField && a.operator === '=' && b.operator === '=' && !a.values.some((value) => b.values.includes(value))
}

export interface FunnelPlan {
  /** The different selectors of the steps; an event remembers by a bit for each which of them it satisfies. */
  readonly selectors: readonly Selector[]
  /** For each step the index of its selector. */
  readonly selectorOfStep: readonly number[]
  readonly exclusions: readonly Exclusion[]
  /** Whether no event can satisfy two steps. */
  readonly areStepsDisjoint: boolean
}

/** Reads the steps. */
export function planFunnel(steps: readonly Selector[], exclusions: readonly Exclusion[]): FunnelPlan {
  const selectors: Selector[] = []
  const selectorOfStep = steps.map((step) => {
    const known = selectors.findIndex((selector) => isSameSelector(selector, step))
    return known >= 0 ? known : selectors.push(step) - 1
  })
  const areStepsDisjoint = steps.every((a, index) => steps.slice(index + 1).every((b) => !mayShareEvents(a, b)))
  return { selectors, selectorOfStep, exclusions, areStepsDisjoint }
}

/** The selectors in groups: two that may share events, also by way of others, are in one group. */
export function groupsOfSelectors({ selectors }: FunnelPlan): number[][] {
  const groups: number[][] = []
  for (const [index, selector] of selectors.entries()) {
    const touched = groups.filter((group) => group.some((other) => mayShareEvents(selector, selectors[other]!)))
    const rest = groups.filter((group) => !touched.includes(group))
    groups.splice(0, groups.length, ...rest, [...touched.flat(), index])
  }
  return groups
}
