/**
 * Who is active on which day: users arrive day by day, come back or not, and leave. What a user does is a pure function
 * of the seed, the user and the day, so it can be counted first and played later without being remembered.
 */
import type { GeneratePlan } from './options.js'
import { hash } from './random.js'

const streams = { loyalty: 11, comesBack: 12, gap: 13 } as const
/** The calibration looks at no more users than this. */
const sampleUsers = 20_000
/** Stickiness is searched in these steps: 0 = nobody comes back, `stickinessMax` = everybody, every day. */
const stickinessMax = 65_536

/**
 * Kinds of users, from those who look once to those who stay. The odds multiply the odds of coming back at all and of
 * coming back the very next day; the mixture is what makes retention fall fast at first and slowly later.
 */
const loyalties = [
  { upTo: 36_000, returnOdds: 0.3, dailyOdds: 0.3 },
  { upTo: 53_000, returnOdds: 1.2, dailyOdds: 0.6 },
  { upTo: 62_000, returnOdds: 6, dailyOdds: 1.5 },
  { upTo: 65_536, returnOdds: 40, dailyOdds: 5 },
] as const
const longGapsDays = [2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 7, 8, 10, 14, 23] as const
/** How many new users a day brings, Monday to Sunday. */
const arrivalWeights = [10, 10, 11, 11, 10, 7, 6] as const

export interface Population {
  /** Users [arrivals[d], arrivals[d + 1]) come for the first time on day d. */
  readonly arrivals: Int32Array
  /** How many users are active on each day. */
  readonly activeUsers: Int32Array
  /** The sum of `activeUsers`. */
  readonly userDays: number
  /** The user's next active day after `day`; at or after the last day: none. */
  nextDay(user: number, day: number): number
}

/**
 * Finds the stickiness at which the plan's users have `events / eventsPerUserDay` active days, as near as its users and
 * days allow, and never more active days than events.
 *
 * @param firstWeekday of day 0; 0 is Monday
 */
export function populate(plan: GeneratePlan, firstWeekday: number): Population {
  const arrivals = arrivalsByDay(plan, firstWeekday)
  const stride = Math.ceil(plan.users / sampleUsers)
  const wanted = (plan.events / plan.eventsPerUserDay) * (Math.ceil(plan.users / stride) / plan.users)

  let low = 0
  let high = stickinessMax
  while (high - low > 1) {
    const middle = (low + high) >> 1
    const counted = countUserDays(arrivals, nextDayOf(plan, firstWeekday, middle), stride)
    if (sum(counted) <= wanted) low = middle
    else high = middle
  }
  for (let stickiness = high === stickinessMax ? high : low; ; stickiness -= Math.ceil(stickiness / 64)) {
    const nextDay = nextDayOf(plan, firstWeekday, stickiness)
    const activeUsers = countUserDays(arrivals, nextDay, 1)
    const userDays = sum(activeUsers)
    // At 0 nobody comes back: as many user-days as users, and the plan has no more users than events.
    if (userDays <= plan.events) return { arrivals, activeUsers, userDays, nextDay }
  }
}

/** A slowly growing number of new users per day, fewer at weekends; the sums are exact. */
function arrivalsByDay(plan: GeneratePlan, firstWeekday: number): Int32Array {
  const weights = Array.from(
    { length: plan.days },
    (_, day) => (2 * plan.days + day) * arrivalWeights[(firstWeekday + day) % 7]!,
  )
  const whole = weights.reduce((total, weight) => total + weight, 0)
  const arrivals = new Int32Array(plan.days + 1)
  let before = 0
  for (const [day, weight] of weights.entries()) {
    before += weight
    arrivals[day + 1] = day + 1 === plan.days ? plan.users : Math.floor((plan.users * before) / whole)
  }
  return arrivals
}

function nextDayOf(plan: GeneratePlan, firstWeekday: number, stickiness: number) {
  const { seed } = plan
  const returns = loyalties.map((loyalty) => chance(stickiness, loyalty.returnOdds))
  const dailies = loyalties.map((loyalty) => chance(stickiness, loyalty.dailyOdds))
  return (user: number, day: number): number => {
    const drawn = hash(seed ^ streams.loyalty, user, 0) & 0xffff
    let loyalty = 0
    while (drawn >= loyalties[loyalty]!.upTo) loyalty++
    const comes = hash(seed ^ streams.comesBack, user, day)
    if ((comes & 0xffff) >= returns[loyalty]!) return plan.days
    if (comes >>> 16 < dailies[loyalty]!) return day + 1
    const drawnGap = hash(seed ^ streams.gap, user, day)
    const next = day + longGapsDays[drawnGap & 15]! * ((drawnGap & 0xf0) === 0 ? 3 : 1)
    // Every third visit that falls on a weekend waits for the Monday.
    const weekday = (firstWeekday + next) % 7
    return weekday >= 5 && (drawnGap >>> 8) % 3 === 0 ? next + 7 - weekday : next
  }
}

/** A probability in 65,536ths: the odds of the stickiness times the odds of the user. */
function chance(stickiness: number, odds: number): number {
  const weight = stickiness * odds
  return Math.floor((weight * 65_536) / (weight + stickinessMax - stickiness))
}

function countUserDays(
  arrivals: Int32Array,
  nextDay: (user: number, day: number) => number,
  stride: number,
): Int32Array {
  const days = arrivals.length - 1
  const counted = new Int32Array(days)
  let user = 0
  for (let arrival = 0; arrival < days; arrival++) {
    for (const end = arrivals[arrival + 1]!; user < end; user += stride) {
      for (let day = arrival; day < days; day = nextDay(user, day)) counted[day]!++
    }
  }
  return counted
}

function sum(numbers: Int32Array): number {
  let total = 0
  for (const n of numbers) total += n
  return total
}
