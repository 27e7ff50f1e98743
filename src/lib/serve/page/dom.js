/** Elements as one expression. Text goes in as text only, so nothing that an event says can become markup or script. */

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [given] attributes; `class`, `text`, listeners as `onclick`; false and undefined are left out
 * @param {...(Node | string | null | undefined | false)} children
 * @example
 * h('button', { type: 'button', onclick: list }, '12')
 */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === false || value === null) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'text') element.textContent = String(value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** The element with this id. */
export function byId(id) {
  return document.getElementById(id)
}

/** Text for screen readers only. */
export function unseen(text) {
  return h('span', { class: 'unseen' }, text)
}

/** A label with its control below it. */
export function labelled(text, control, hint) {
  return h(
    'label',
    { class: 'field' },
    h('span', { class: 'label' }, text),
    control,
    hint && h('span', { class: 'hint' }, hint),
  )
}

/** A choice of several: values with their texts. */
export function choice(name, options, chosen, given = {}) {
  const select = h('select', { name, ...given })
  for (const [value, text] of options) select.append(h('option', { value, selected: value === chosen }, text))
  return select
}
