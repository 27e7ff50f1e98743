/** Elements as one expression. Text goes in as text only, so nothing that an event says can become markup or script. */

type Attribute = string | number | boolean | null | undefined | (() => unknown)
type Child = Node | string | null | undefined | false

/**
 * Makes an element.
 *
 * @param given attributes, and listeners as `onclick`; false, null and undefined are left out
 * @example
 * h('button', { type: 'button', onclick: list }, '12')
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === false || value === null) continue
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** The element of the page with this id. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E
}

/** Text for screen readers only. */
export function unseen(text: string): HTMLElement {
  return h('span', { class: 'unseen' }, text)
}

/** A label with its control below it. */
export function labelled(text: string, control: HTMLElement): HTMLElement {
  return h('label', { class: 'field' }, h('span', { class: 'label' }, text), control)
}

/** A choice of several: values with their texts. */
export function choice(
  name: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen: string,
): HTMLSelectElement {
  const items = options.map(([value, text]) => h('option', { value, selected: value === chosen }, text))
  return h('select', { name }, ...items)
}

/** What follows a number that can still change. */
export function incompleteMark(): HTMLElement {
  return h('span', { class: 'incomplete-mark' }, h('span', { 'aria-hidden': 'true' }, '*'), unseen(' not complete'))
}
