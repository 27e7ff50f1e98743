/** Why there is no answer: what the server says, what to do next, and the number of the request for those who run it. */
import { Refusal } from './api.js'
import { h } from './dom.js'

/** An element that tells of an error, whatever was thrown. */
export function refusalBox(error, again) {
  // What is written wrong does not get better by itself.
  const mayPass = !(error instanceof Refusal) || error.status === 0 || error.status === 429 || error.status >= 500

  const isKnown = error instanceof Refusal
  const detail = isKnown ? error.message : `The page cannot show this: ${error.message}`
  return h(
    'div',
    { class: 'refusal' },
    // Errors of segments and steps point at a character: their lines stand below each other.
    h(detail.includes('\n') ? 'pre' : 'p', {}, detail),
    ...(isKnown ? error.suggestions.map((text) => h('p', { class: 'quiet' }, ...withCode(text))) : []),
    isKnown && error.instance && error.status >= 500 && h('p', { class: 'quiet' }, `Request ${error.instance}`),
    again && mayPass && h('button', { type: 'button', onclick: again }, 'Try again'),
  )
}

/** A text whose commands stand between backticks. */
function withCode(text) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? h('code', {}, part) : part))
}
