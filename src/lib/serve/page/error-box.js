/** Why there is no answer: what the server says, what to do next, and the number of the request for those who run it. */
import { Refusal } from './api.js'
import { h } from './dom.js'

/**
 * An element that tells of an error, whatever was thrown.
 *
 * @param {unknown} error
 * @param {{ again?: () => void, correct?: (correction: { parameter: string, given: string, meant: string }) => void, older?: boolean }} [more]
 *   `again`: asks once more; `correct`: takes over what was probably meant; `older`: earlier numbers are still shown
 */
export function refusalBox(error, { again, correct, older = false } = {}) {
  // What is written wrong does not get better by itself.
  const mayPass = !(error instanceof Refusal) || error.status === 0 || error.status === 429 || error.status >= 500

  const isKnown = error instanceof Refusal
  const detail = isKnown ? error.message : `The page cannot show this: ${error.message}`
  return h(
    'div',
    { class: 'refusal' },
    // Errors of segments and steps point at a character: their lines stand below each other.
    h(
      detail.includes('\n') ? 'pre' : 'p',
      {},
      ...(isKnown && correct ? withButtons(detail, error.corrections, correct) : [detail]),
    ),
    ...(isKnown ? error.suggestions : []).map((text) => h('p', { class: 'quiet' }, ...withCode(text))),
    isKnown && error.instance && error.status >= 500 && h('p', { class: 'quiet' }, `Request ${error.instance}`),
    older && h('p', { class: 'quiet' }, 'The numbers below are still those of the previous view.'),
    again && mayPass && h('button', { type: 'button', onclick: again }, 'Try again'),
  )
}

/** A text in which each "did you mean …?" takes over what was meant; they come in the order of the corrections. */
function withButtons(text, corrections, correct) {
  let next = 0
  return text.split(/(did you mean .*\?)$/m).map((part, index) => {
    const correction = index % 2 === 1 ? corrections[next++] : undefined
    return correction === undefined
      ? part
      : h('button', { type: 'button', class: 'correction', onclick: () => correct(correction) }, part)
  })
}

/** A text whose commands stand between backticks. */
function withCode(text) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? h('code', {}, part) : part))
}
