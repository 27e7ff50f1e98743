/** Why there is no answer: what the server says, what to do next, and the number of the request for those who run it. */
import { Refusal } from './api.js'
import { h } from './dom.js'

/** An element that tells of an error, whatever was thrown. */
export function refusalBox(error, again) {
  const isKnown = error instanceof Refusal
  const detail = isKnown ? error.message : `The page cannot show this: ${error.message}`
  return h(
    'div',
    { class: 'refusal' },
    // Errors of segments and steps point at a character: their lines stand below each other.
    h(detail.includes('\n') ? 'pre' : 'p', {}, detail),
    ...(isKnown ? error.suggestions.map((text) => h('p', { class: 'quiet' }, text)) : []),
    isKnown && error.instance && error.status >= 500 && h('p', { class: 'quiet' }, `Request ${error.instance}`),
    again && h('button', { type: 'button', onclick: again }, 'Try again'),
  )
}
