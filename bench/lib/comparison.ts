/** Lets all contenders load the same file in turn, refuses to time what differs, and prints who took how long. */
import type { Contender, ContenderName, Loaded } from './contenders.js'
import type { LogFile } from './log-file.js'
import { markdown, median, seconds } from './report.js'

/** One row of the table: what was done, and what it took each contender in each round. */
export interface Comparison {
  readonly what: string
  readonly taken: ReadonlyMap<ContenderName, readonly Loaded[]>
}

/**
 * Each contender once per round, in turn, so that whatever disturbs the machine disturbs all.
 *
 * @param options.again loads the file a second time into the same storage: two more comparisons, for `ea` with and
 *   without `--force`
 * @throws Error when what is stored is not the same everywhere
 */
export async function compare(
  what: string,
  contenders: readonly Contender[],
  file: LogFile,
  options: { rounds: number; again?: boolean; note: (text: string) => void },
): Promise<Comparison[]> {
  const [first, again, anyway] = [0, 1, 2].map(() => new Map<ContenderName, Loaded[]>())
  let expected: { facts: string; name: ContenderName } | undefined
  for (let round = 1; round <= options.rounds; round++) {
    for (const { name, withStore } of contenders.filter((one) => one.takes(file))) {
      await withStore(async (store) => {
        const add = (to: typeof first, loaded: Loaded) => {
          expected ??= { facts: loaded.facts, name }
          requireEqual(file, expected, { facts: loaded.facts, name })
          to!.set(name, [...(to!.get(name) ?? []), loaded])
          return loaded
        }
        const { seconds: taken, mergedSeconds } = add(first, await store.load(file))
        const merged = mergedSeconds === undefined ? '' : `, merged ${mergedSeconds.toFixed(2)} s`
        options.note(`  ${what}, round ${round}, ${name}: ${taken.toFixed(2)} s${merged}`)
        // pgloader would stop at the first event that is there.
        if (!options.again || name === 'pgloader') return
        const second = add(again, await store.load(file))
        add(anyway, store.loadAnyway === undefined ? second : await store.loadAnyway(file))
        options.note(`  ${what}, round ${round}, ${name} again: ${second.seconds.toFixed(2)} s`)
      })
    }
  }
  const repeated = [
    { what: `${what}, again`, taken: again! },
    { what: `${what}, again, \`--force\``, taken: anyway! },
  ]
  return [{ what, taken: first! }, ...(options.again ? repeated : [])]
}

interface Stored {
  readonly facts: string
  readonly name: ContenderName
}

function requireEqual(file: LogFile, expected: Stored, { facts, name }: Stored): void {
  if (facts !== expected.facts) {
    throw new Error(`${file.path}: ${name} stored ${facts}, ${expected.name} ${expected.facts}`)
  }
  if (!facts.startsWith(`${file.events},`)) {
    throw new Error(`${file.path}: ${name} stored ${facts} and not ${file.events} events`)
  }
}

/** Times as multiples of those of `ea`; a row for each comparison, a column for each contender. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const names = namesIn(comparisons)
  const others = names.filter((name) => name !== 'ea')
  const rows = comparisons.map(({ what, taken }) => {
    const own = taken.get('ea') ?? []
    const ratio = (times: readonly number[]) => shortRatio(median(times) / median(own.map((one) => one.seconds)))
    const cells = others.map((name) => {
      const runs = taken.get(name)
      if (runs === undefined) return ''
      const merged = runs.flatMap((one) => one.mergedSeconds ?? [])
      return `${ratio(runs.map((one) => one.seconds))}${merged.length > 0 ? `; merged ${ratio(merged)}` : ''}`
    })
    return [what, seconds(own.map((one) => one.seconds)), ...cells]
  })
  return markdown(['file', 'ea', ...others.map((name) => `${name} / ea`)], rows)
}

/** The most memory of all rounds, in MB: of the program, and what the server held besides. */
export function memoryTable(comparisons: readonly Comparison[]): string {
  const names = namesIn(comparisons)
  const rows = comparisons.map(({ what, taken }) => [
    what,
    ...names.map((name) => {
      const runs = taken.get(name) ?? []
      const most = (values: readonly number[]) => (values.length === 0 ? '' : Math.max(...values).toFixed(0))
      const server = most(runs.flatMap((one) => one.serverPeakMb ?? []))
      return `${most(runs.flatMap((one) => one.peakMb ?? []))}${server === '' ? '' : ` + ${server}`}`
    }),
  ])
  return markdown(['peak memory, MB', ...names], rows)
}

function namesIn(comparisons: readonly Comparison[]): ContenderName[] {
  return [...new Set(comparisons.flatMap(({ taken }) => [...taken.keys()]))]
}

function shortRatio(value: number): string {
  return value.toFixed(value >= 10 ? 0 : value >= 1 ? 1 : 2)
}
