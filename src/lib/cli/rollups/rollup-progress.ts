/** Which rollup is being filled, on stderr: a spinner on a terminal, nothing elsewhere. */
import { human } from '../../present/tables/cell-text.js'
import type { OnDemandSubject } from '../../rollups/sql/on-demand.js'
import { canSpin } from '../terminal.js'
import { rollupFieldText } from './rollup-field-text.js'

interface FillProgress {
  /** One is about to be filled. */
  on(subject: OnDemandSubject): void
  /** Removes the spinner. */
  stop(): void
}

/** @param isSilent with --quiet and --json */
export async function fillProgress(isSilent: boolean): Promise<FillProgress> {
  if (isSilent || !canSpin()) return { on() {}, stop() {} }
  const { default: ora } = await import('ora')
  const drawn = ora({ stream: process.stderr, discardStdin: false })
  return {
    on(subject) {
      drawn.text = `${human(rollupFieldText(subject), 'text', false)}: reading the events`
      if (!drawn.isSpinning) drawn.start()
    },
    stop: () => void drawn.stop(),
  }
}
