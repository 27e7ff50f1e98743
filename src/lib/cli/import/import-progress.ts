/**
 * How far an import is, on stderr: a spinner on a terminal, a line now and then elsewhere. It knows nothing but the
 * events of the import, and draws nothing at all when it is told to be silent.
 */
import type { ImportEvent, Phase } from '../../import/options.js'
import { grouped, human } from '../../present/tables/cell-text.js'
import { nameOf } from './import-text.js'

export interface Progress {
  /** Takes in one event of the import. */
  on(event: ImportEvent): void
  /** Runs `talk`, which writes to the terminal, with the spinner out of its way. */
  aside(talk: () => void): void
  /** Removes the spinner. */
  stop(): void
}

export type ProgressMode = 'spinner' | 'lines' | 'silent'

/** Between two lines, where there is no terminal; also before the first one: short imports need none. */
const lineEveryMs = 10_000

/**
 * @param mode what stderr can show
 * @param write writes one line to stderr
 * @example
 * const progress = await importProgress('lines', (line) => this.say(line))
 */
export async function importProgress(mode: ProgressMode, write: (line: string) => void): Promise<Progress> {
  if (mode === 'silent') return { on() {}, aside: (talk) => talk(), stop() {} }
  return mode === 'spinner' ? spinner() : lines(write)
}

async function spinner(): Promise<Progress> {
  const { default: ora } = await import('ora')
  // stdin may be the source, so ora must leave it alone.
  const drawn = ora({ stream: process.stderr, discardStdin: false })
  const speed = new Speed()
  return {
    on(event) {
      if (event.type !== 'progress') return
      drawn.text = `${nameOf(event.file)}: ${speed.text(event)}`
      if (!drawn.isSpinning) drawn.start()
    },
    aside(talk) {
      const wasSpinning = drawn.isSpinning
      if (wasSpinning) drawn.stop()
      talk()
      if (wasSpinning) drawn.start()
    },
    stop: () => void drawn.stop(),
  }
}

function lines(write: (line: string) => void): Progress {
  const speed = new Speed()
  let lastMs = performance.now()
  return {
    on(event) {
      if (event.type !== 'progress') return
      const line = speed.text(event)
      if (performance.now() - lastMs < lineEveryMs) return
      lastMs = performance.now()
      write(`${nameOf(event.file)}: ${line}`)
    },
    aside: (talk) => talk(),
    stop() {},
  }
}

const phaseWords: Readonly<Record<Phase, string>> = {
  hashing: 'reading its hash',
  loading: 'loading',
  checking: 'checking',
  completing: 'completing: counting up and refreshing the rollups',
}

type ProgressEvent = Extract<ImportEvent, { type: 'progress' }>

/** Rates since the phase of the file began. */
class Speed {
  #phase = ''
  #startedMs = 0

  text(event: ProgressEvent): string {
    const { file, phase, readBytes, totalBytes, records } = event
    if (`${phase} ${file}` !== this.#phase) {
      this.#phase = `${phase} ${file}`
      this.#startedMs = performance.now()
    }
    const words = phaseWords[phase]
    if (phase === 'completing') return words
    const seconds = (performance.now() - this.#startedMs) / 1000
    const parts = [bytesText(readBytes, totalBytes)]
    if (records > 0) parts.push(`${grouped(records)} records`)
    if (seconds >= 1 && records > 0) parts.push(`${grouped(Math.round(records / seconds))}/s`)
    const left = totalBytes === null || readBytes === 0 ? null : (seconds / readBytes) * (totalBytes - readBytes)
    if (left !== null && seconds >= 1) parts.push(`${human(Math.round(left), 'seconds', true)} left`)
    return `${words} ${parts.join(', ')}`
  }
}

function bytesText(readBytes: number, totalBytes: number | null): string {
  const read = human(readBytes, 'bytes', true)
  if (totalBytes === null || totalBytes === 0) return read
  const percent = Math.min(100, Math.floor((readBytes / totalBytes) * 100))
  return `${percent}% of ${human(totalBytes, 'bytes', true)}`
}
