/**
 * An import as its user sees it: progress and talk on stderr while it runs, a line on stdout for each file that is
 * done, the sums and the errors at the end; under --json one object that holds all of it, errors too.
 */
import type { EaError } from '../../core/errors.js'
import { totalsOf } from '../../import/import.js'
import type { FileOutcome, ImportEvent, ImportOutcome } from '../../import/options.js'
import type { LeftOut } from '../../import/source/paths.js'
import { undoneJson, undoneText } from '../batches/batch-text.js'
import { asEaError, failureJson, showFailure } from '../failure.js'
import { interruption } from '../signals.js'
import { canSpin } from '../terminal.js'
import { importProgress, type ProgressMode } from './import-progress.js'
import { failures, importJson, interruptedText, outcomeText, talkOf, totalsText } from './import-text.js'

export interface ReportOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly atomic: boolean
  readonly dryRun: boolean
  readonly argv: readonly string[]
  /** Talk, on stderr. */
  readonly say: (line: string) => void
  /** Data, on stdout. */
  readonly print: (text: string) => Promise<void>
}

export class ImportReport {
  readonly #paths: readonly string[]
  readonly #options: ReportOptions
  readonly #done: FileOutcome[] = []
  readonly #leftOut: LeftOut[] = []
  #undone: ImportOutcome['undone']

  /** @param paths as they were given */
  constructor(paths: readonly string[], options: ReportOptions) {
    this.#paths = paths
    this.#options = options
  }

  /**
   * Runs an import and shows it. What it throws after files were done is shown with them; what it throws before is
   * thrown on.
   */
  async show(run: (onEvent: (event: ImportEvent) => void) => Promise<ImportOutcome>): Promise<void> {
    const { json, print } = this.#options
    const started = performance.now()
    const progress = await importProgress(this.#progressMode(), this.#options.say)
    const printed: Promise<void>[] = []
    let thrown: EaError | undefined
    let outcome: ImportOutcome | undefined
    try {
      outcome = await run((event) => {
        // The import listens between two chunks; a hash has none, and may take a minute.
        if (event.type === 'progress' && event.phase === 'hashing') interruption.throwIfAborted()
        progress.on(event)
        const talk = talkOf(event)
        if (talk !== undefined) progress.aside(() => this.#options.say(talk))
        if (event.type === 'left_out') this.#leftOut.push({ folder: event.folder, files: event.files })
        if (event.type === 'undone') this.#undone = event.undone
        if (event.type === 'undone' && !json) printed.push(print(`${undoneText(event.undone, event.dryRun, false)}\n`))
        if (event.type !== 'finished') return
        progress.stop()
        this.#done.push(event.outcome)
        if (!json) printed.push(print(`${outcomeText(event.outcome)}\n`))
      })
    } catch (error) {
      thrown = await this.#asFailure(error)
    } finally {
      progress.stop()
    }
    await Promise.all(printed)
    const seconds = Math.round(performance.now() - started) / 1000
    await this.#end(
      outcome ?? { files: this.#done, leftOut: this.#leftOut, totals: totalsOf(this.#done, seconds) },
      thrown,
    )
  }

  #progressMode(): ProgressMode {
    const { json, quiet } = this.#options
    if (json || quiet) return 'silent'
    return canSpin() ? 'spinner' : 'lines'
  }

  async #asFailure(error: unknown): Promise<EaError> {
    if (!interruption.aborted) return asEaError(error)
    const { atomic, dryRun } = this.#options
    return interruptedText(interruption.reason, { atomic, dryRun, stdin: this.#paths.includes('-') })
  }

  async #end(outcome: ImportOutcome, thrown: EaError | undefined): Promise<void> {
    const { json, print, argv } = this.#options
    const errors = [...failures(outcome.files), ...(thrown ? [thrown] : [])]
    // What ended the whole command decides; else the worst of the files that failed.
    const verdict = thrown ?? errors.toSorted((a, b) => b.exitCode - a.exitCode)[0]
    if (json) {
      const { undone = this.#undone } = outcome
      const before = undone === undefined ? {} : { undone: undone && undoneJson(undone, this.#options.dryRun) }
      await print(
        `${JSON.stringify({ ...before, ...importJson(outcome), ...(verdict && failureJson(verdict)) }, null, 2)}\n`,
      )
    } else {
      if (outcome.files.length > 1) await print(`${totalsText(outcome)}\n`)
      for (const error of errors) showFailure(error, argv)
    }
    if (verdict) process.exitCode = verdict.exitCode
  }
}
