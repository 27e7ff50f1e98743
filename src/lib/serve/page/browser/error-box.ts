/** Why there is no answer: what the server says, what to do next, and the number of the request for those who run it. */
import type { Correction } from './answers.js'
import { Refusal } from './api.js'
import { h } from './dom.js'

interface RefusalActions {
  /** Asks once more. */
  readonly again?: () => void
  /** Takes over what was probably meant. */
  readonly correct?: (correction: Correction) => void
  /** Whether earlier numbers are still shown. */
  readonly older?: boolean
}

/** An element that tells of an error, whatever was thrown. */
export function refusalBox(error: unknown, { again, correct, older = false }: RefusalActions = {}): HTMLElement {
  const refusal = error instanceof Refusal ? error : undefined
  const detail = refusal?.message ?? `The page cannot show this: ${error instanceof Error ? error.message : error}`
  const { status = 0, suggestions = [], corrections = [], instance } = refusal ?? {}
  // What is written wrong does not get better by itself.
  const mayPass = status === 0 || status === 429 || status >= 500
  return h(
    'div',
    { class: 'refusal' },
    // Errors of segments and steps point at a character: their lines stand below each other.
    h(
      detail.includes('\n') ? 'pre' : 'p',
      {},
      ...(correct === undefined ? [detail] : withButtons(detail, corrections, correct)),
    ),
    ...suggestions.map((text) => h('p', { class: 'quiet' }, ...withCode(text))),
    instance !== undefined && status >= 500 && h('p', { class: 'quiet' }, `Request ${instance}`),
    older && h('p', { class: 'quiet' }, 'The numbers below are still those of the previous view.'),
    again && mayPass && h('button', { type: 'button', onclick: again }, 'Try again'),
  )
}

/** A text in which each "did you mean …?" takes over what was meant; they come in the order of the corrections. */
function withButtons(text: string, corrections: readonly Correction[], correct: (correction: Correction) => void) {
  let next = 0
  return text.split(/(did you mean .*\?)$/m).map((part, index) => {
    const correction = index % 2 === 1 ? corrections[next++] : undefined
    return correction === undefined
      ? part
      : h('button', { type: 'button', class: 'correction', onclick: () => correct(correction) }, part)
  })
}

/** A text whose commands stand between backticks. */
function withCode(text: string): (string | HTMLElement)[] {
  return text.split('`').map((part, index) => (index % 2 === 1 ? h('code', {}, part) : part))
}
