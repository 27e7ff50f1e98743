/** What a retention counts, in words. */
import type { RetentionParams } from './params.js'

/** Two sentences: who is in a cohort, and what makes a return. */
export function definition(params: RetentionParams): string {
  const { windowType, mode, clock, minReturnEvents, windows, returnEvent, segment } = params
  const returns = minReturnEvents === 1 ? `a return event` : `at least ${minReturnEvents} return events`
  const ofType = returnEvent === undefined ? 'any event' : returnEvent.text
  const inSegments = segment.length === 0 ? '' : ' in the segments'
  const when =
    clock === 'calendar'
      ? mode === 'on'
        ? `in the k-th ${windowType} after it`
        : `at or after the start of the k-th ${windowType} after it and before as-of`
      : mode === 'on'
        ? `from k to k+1 times ${rollingText[windowType]} after that event`
        : `k times ${rollingText[windowType]} or longer after that event and before as-of`
  return (
    `A cohort is the users ${whoStarts(params)}, window 0. ` +
    `Window k (1 to ${windows}) counts those of them with ${returns} (${ofType}${inSegments}) ${when}.`
  )
}

/** An event type is a word of somebody else's: what counts is how it is written. */
const aOrAn = (words: string) => `${/^[aeiou]/i.test(words) ? 'an' : 'a'} ${words}`

const rollingText = { hour: '1 hour', day: '24 hours', week: '7*24 hours', month: '30*24 hours' }

function whoStarts({ windowType, cohort, clock, startEvent, segment }: RetentionParams): string {
  const type = startEvent?.eventType ?? 'event'
  const matching = `${startEvent?.text ?? 'event'}${segment.length === 0 ? '' : ' in the segments'}`
  switch (cohort) {
    case 'first-ever': {
      const isRestricted = segment.length > 0 || (startEvent !== undefined && startEvent.conditions.length > 0)
      const must = isRestricted ? ` and is ${aOrAn(matching)}` : ''
      return `whose first ${type} ever is in the ${windowType}${must}`
    }
    case 'first-matching':
      return `whose first ${matching} ever is in the ${windowType}`
    case 'active':
      return clock === 'rolling'
        ? `whose first ${matching} from the first cohort on is in the ${windowType}`
        : `with at least one ${matching} in the ${windowType}`
  }
}
