/** The form for a key, where the server asks for one and has not got a good one. */
import { knownKey, type Refusal, rememberKey } from '../api.js'
import { h, labelled } from '../dom.js'

/**
 * Says what is missing, and takes a key.
 *
 * @param refusal 401 or 403
 * @param again called when there is a key to try
 */
export function keyForm({ status, message }: Refusal, again: () => void): { element: HTMLElement; focus(): void } {
  const had = knownKey() !== null
  const input = h('input', {
    type: 'password',
    name: 'key',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'key-about',
  })
  const form = h(
    'form',
    { class: 'key-form' },
    h(
      'h2',
      {},
      status === 403 ? 'This key may not read' : had ? 'This key does not work' : 'This server requires a key',
    ),
    h('p', {}, message),
    labelled('API key or token', input),
    h(
      'p',
      { id: 'key-about', class: 'quiet' },
      'It needs the scope read. It stays in this tab until the tab is closed, goes to this server only, and is never part of an address.',
    ),
    h('button', { type: 'submit', class: 'primary' }, 'Use this key'),
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    rememberKey(input.value.trim())
    again()
  })
  return { element: form, focus: () => input.focus() }
}
