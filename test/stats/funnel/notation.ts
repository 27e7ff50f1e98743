/** Events for tests of funnels, a line for each user: `ann: signup 10:00, purchase{"value":5} 10:30:00.5`. */
import type { GivenEvent } from '../../support/events.js'

const moment = /^(.+?)(\{.*\})? ((\d{4}-\d\d-\d\d )?[\d:.]+)$/

/** The events in the order in which they are written; times without a day lie on 2025-08-01, all in UTC. */
export function eventsOf(...lines: readonly string[]): GivenEvent[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(': ')
    const user = line.slice(0, colon)
    return line
      .slice(colon + 2)
      .split(', ')
      .map((text) => {
        const [, type, properties = '{}', time] = moment.exec(text)!
        const at = time!.includes(' ') ? time!.replace(' ', 'T') : `2025-08-01T${time}`
        return { user, type: type!, at: `${at}Z`, properties: JSON.parse(properties) as Record<string, unknown> }
      })
  })
}

/** The same events with ids that sort as they are written. */
export function inIdOrder(events: readonly GivenEvent[]): GivenEvent[] {
  return events.map((event, index) => ({
    ...event,
    id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  }))
}
