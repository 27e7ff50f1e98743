/** The tables of `bench:scale`: what grows with the events, and what a daily file costs behind each size. */
import { markdown, median, milliseconds, seconds } from './report.js'
import type { ScaleNotes } from './scale-notes.js'

/** So many days at each end are compared, because one alone may have met a checkpoint. */
const daysAtEachEnd = 5

/** @param sizes from the smallest; 0 events may be among them */
export function scaleTables(sizes: readonly ScaleNotes[], dayEvents: number): string[] {
  const filled = sizes.filter(({ events }) => events > 0)
  return [growth(filled), questions(filled), dailyFiles(sizes, dayEvents)]
}

function growth(sizes: readonly ScaleNotes[]): string {
  const heads = [
    ...['events', 'import', 'for each million', 'refresh of rollups', 'its share', 'peak of Node, MB'],
    ...['bytes of an event: in the file', 'in events', 'in its primary key', 'in user_days', 'load before'],
  ]
  return markdown(
    heads,
    sizes.map(({ events, imports, disk, load }) => {
      const taken = imports.map((one) => one.seconds)
      const refresh = imports.map((one) => one.refreshSeconds)
      const bytes = (of: number | undefined) => (of === undefined ? '' : (of / events).toFixed(0))
      return [
        ...[millions(events), seconds(taken), `${(median(taken) / (events / 1e6)).toFixed(2)} s`, seconds(refresh)],
        `${((100 * median(refresh)) / median(taken)).toFixed(0)} %`,
        Math.max(...imports.map((one) => one.peakMb ?? 0)).toFixed(0),
        ...[bytes(disk?.file), bytes(disk?.events), bytes(disk?.key), bytes(disk?.userDays)],
        load.toFixed(1),
      ]
    }),
  )
}

function questions(sizes: readonly ScaleNotes[]): string {
  const names = Object.keys(sizes[0]?.questions ?? {})
  return markdown(
    ['question', ...sizes.map(({ events }) => millions(events))],
    names.map((name) => [name, ...sizes.map((one) => milliseconds(one.questions[name]!))]),
  )
}

function dailyFiles(sizes: readonly ScaleNotes[], dayEvents: number): string {
  const known = (days: readonly (number | null)[]) => days.filter((taken) => taken !== null)
  const empty = known(sizes[0]?.days ?? [])
  return markdown(
    [
      `files of ${dayEvents.toLocaleString('en')} events behind`,
      ...[
        `first ${daysAtEachEnd}`,
        `last ${daysAtEachEnd}`,
        'last / first',
        'all',
        `all / behind ${millions(sizes[0]?.events ?? 0)}`,
      ],
    ],
    sizes.map(({ events, days }) => {
      const all = known(days)
      const [first, last] = [all.slice(0, daysAtEachEnd), all.slice(-daysAtEachEnd)]
      const lastToFirst = (median(last) / median(first)).toFixed(2)
      return [
        millions(events),
        seconds(first),
        seconds(last),
        lastToFirst,
        seconds(all),
        (median(all) / median(empty)).toFixed(2),
      ]
    }),
  )
}

function millions(events: number): string {
  return events === 0 ? 'nothing' : `${events / 1e6}M`
}
