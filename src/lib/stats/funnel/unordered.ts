/**
 * Unordered funnels: an attempt begins with any event that satisfies a step and takes, in the order of time, each event
 * that lets one more step be satisfied, each step by an event of its own.
 *
 * How many of `k` steps that share events the events up to a time satisfy is a matching of events to steps, and by
 * König's theorem the least, over all sets S of these steps, of `|S| + the events that satisfy a step outside S`. So
 * the d-th of them is satisfied at the latest, over all S with fewer than d steps, of the times of the (d - |S|)-th such
 * event: a few running minima, no search.
 */
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { type FunnelQuestion, isOpen, nextExcluded, sequence, windowInterval } from './events-sql.js'
import { type FunnelPlan, groupsOfSelectors } from './plan.js'

const maxSharing = 6

/** The first so many events, from a start on, that satisfy a step of a group outside a set of its steps. */
interface Track {
  readonly name: string
  /** The selectors outside the set, as bits. */
  readonly bits: number
  readonly eventCount: number
}

/** A step that a group satisfies as its d-th: the latest of some events of tracks. */
type Gain = readonly { readonly track: Track; readonly nth: number }[]

/** @throws EaError `usage` when too many selectors may share events */
function readGroups(plan: FunnelPlan): { tracks: Track[]; gains: Gain[]; lastGains: Gain[] } {
  const tracks: Track[] = []
  const gains: Gain[] = []
  const lastGains: Gain[] = []
  for (const group of groupsOfSelectors(plan)) {
    if (group.length > maxSharing) {
      const texts = group.map((index) => plan.selectors[index]!.text).join(', ')
      throw new EaError('usage', `These ${group.length} steps may be satisfied by the same events: ${texts}.`, {
        suggestions: [`An unordered funnel takes at most ${maxSharing} of them; take fewer, or order them.`],
      })
    }
    const stepsOf = (members: readonly number[]) =>
      plan.selectorOfStep.filter((index) => members.includes(index)).length
    const stepCount = stepsOf(group)
    const sets = Array.from({ length: 2 ** group.length - 1 }, (_, set) => ({
      inside: group.filter((_, member) => (set >> member) & 1),
      outside: group.filter((_, member) => !((set >> member) & 1)),
    })).map(({ inside, outside }) => {
      const size = stepsOf(inside)
      const bits = outside.reduce((sum, index) => sum + 2 ** index, 0)
      const track = { name: `track_${tracks.length + 1}`, bits, eventCount: stepCount - size }
      tracks.push(track)
      return { size, track }
    })
    const groupGains = Array.from({ length: stepCount }, (_, index) =>
      sets.filter(({ size }) => size <= index).map(({ size, track }) => ({ track, nth: index + 1 - size })),
    )
    gains.push(...groupGains)
    lastGains.push(groupGains.at(-1)!)
  }
  return { tracks, gains, lastGains }
}

/**
 * CTEs that end with `attempts (user_id, depth, reached, open)`: `reached` are the times of the steps; an attempt is open
 * when its window is and no excluded event lies in it.
 *
 * ```sql
 * runs AS (SELECT * … FROM (…) AS sequence),
 *   onwards AS (SELECT *, min(…) FILTER (WHERE …) OVER onward AS … FROM runs WINDOW onward AS (…)),
 *   started AS (SELECT *, … AS until, ARRAY[…] AS gained_at … FROM onwards WHERE starts AND satisfied <> 0),
 *   measured AS (SELECT *, (gained_at[1] <= until)::int + … AS satisfiable FROM started),
 *   attempts AS (SELECT user_id, depth, (…)[1:depth] AS reached, open FROM (… FROM measured) AS judged)
 * ```
 */
export function unorderedAttempts(question: FunnelQuestion): RawBuilder<unknown> {
  const { plan } = question
  const { tracks, gains, lastGains } = readGroups(plan)
  const stepCount = plan.selectorOfStep.length
  const hasExclusions = plan.exclusions.length > 0
  const comma = sql`,
    `
  const isOn = ({ bits }: Track) => sql`satisfied & ${sql.lit(bits)} <> 0`
  // Of several events, how they go on stands beside each; the least array is that of the first event.
  const runs = (value: RawBuilder<unknown>, kind: string) =>
    tracks
      .filter(({ eventCount }) => eventCount > 1)
      .map((track) => {
        const next = Array.from(
          { length: track.eventCount - 1 },
          (_, index) =>
            sql`lead(${value}, ${sql.lit(index + 1)}) OVER (PARTITION BY user_id, ${isOn(track)} ORDER BY pos)`,
        )
        return sql`ARRAY[${sql.join([value, ...next])}] AS ${sql.ref(`${track.name}_${kind}`)}`
      })
  const firsts = (value: RawBuilder<unknown>, kind: string) =>
    tracks.map((track) => {
      const run = track.eventCount > 1 ? sql.ref(`${track.name}_${kind}`) : sql`ARRAY[${value}]`
      return sql`min(${run}) FILTER (WHERE ${isOn(track)}) OVER onward AS ${sql.ref(`${track.name}_first_${kind}`)}`
    })
  const latest = (gain: Gain, kind: string, none: RawBuilder<unknown>) =>
    sql`greatest(${sql.join(
      gain.map(({ track, nth }) => sql`coalesce(${sql.ref(`${track.name}_first_${kind}`)}[${sql.lit(nth)}], ${none})`),
    )})`
  const value = { at: sql`occurred_at`, pos: sql`pos` }
  const kinds = hasExclusions ? (['at', 'pos'] as const) : (['at'] as const)
  const noPos = sql.lit(2_147_483_647)
  const gainedAt = gains.map((gain) => latest(gain, 'at', sql`'infinity'::timestamptz`))
  const lastGained = sql`greatest(${sql.join(lastGains.map((gain) => latest(gain, 'pos', noPos)))})`
  const isWhole = plan.exclusions.map((_, index) => sql`${nextExcluded(index)} >= last_gained`)
  const isClean = plan.exclusions.map((_, index) => sql`${nextExcluded(index)} > last_pos`)
  const open = sql.join([isOpen(sql`occurred_at`, question), ...isClean], sql` AND `)
  const depth = hasExclusions
    ? sql`CASE WHEN satisfiable = ${sql.lit(stepCount)} AND ${sql.join(isWhole, sql` AND `)} THEN satisfiable
      WHEN satisfiable < ${sql.lit(stepCount)} AND ${sql.join(isClean, sql` AND `)} THEN satisfiable ELSE 1 END`
    : sql`satisfiable`
  const runColumns = kinds.flatMap((kind) => runs(value[kind], kind))
  return sql`runs AS (
  SELECT *${
    runColumns.length === 0
      ? sql``
      : sql`,
    ${sql.join(runColumns, comma)}`
  }
  FROM (
    ${sequence(question, { hasOthers: false })}
  ) AS sequence
), onwards AS (
  SELECT *,
    ${sql.join(
      kinds.flatMap((kind) => firsts(value[kind], kind)),
      comma,
    )}
  FROM runs
  WINDOW onward AS (PARTITION BY user_id ORDER BY pos DESC)
), started AS (
  SELECT *, occurred_at + ${windowInterval(question)} AS until, ARRAY[${sql.join(gainedAt, comma)}] AS gained_at${
    hasExclusions ? sql`, ${lastGained} AS last_gained` : sql``
  }
  FROM onwards
  WHERE starts AND satisfied <> 0
), measured AS (
  SELECT *, ${sql.join(
    gains.map((_, index) => sql`(gained_at[${sql.lit(index + 1)}] <= until)::int`),
    sql` + `,
  )} AS satisfiable
  FROM started
), attempts AS (
  SELECT user_id, depth, (ARRAY(SELECT at FROM unnest(gained_at) AS gained(at) ORDER BY at))[1:depth] AS reached, open
  FROM (
    SELECT user_id, gained_at, ${depth} AS depth, ${open} AS open FROM measured
  ) AS judged
)`
}
