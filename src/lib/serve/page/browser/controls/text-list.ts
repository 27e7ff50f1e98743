/** Several texts, each in a field of its own, with buttons to add one and to take one away. */
import { h } from '../dom.js'

export interface TextListOptions {
  readonly name: string
  /** Of one text, for screen readers. */
  readonly label: string
  readonly legend: string
  readonly placeholder: string
  /** What the button says that adds one. */
  readonly add: string
  /** The id of the list of what can be taken. */
  readonly suggestions: string
  /** How many fields there are at least. */
  readonly least?: number
  onChange(texts: readonly string[]): void
}

export interface TextList {
  readonly element: HTMLElement
  show(texts: readonly string[]): void
}

/** The fields and their buttons. */
export function textList(options: TextListOptions): TextList {
  const { name, label, legend, placeholder, add, suggestions, least = 0, onChange } = options
  const items = h('div', { class: 'items' })
  const inputs = () => [...items.querySelectorAll('input')]
  const texts = () => inputs().flatMap(({ value }) => value.trim() || [])
  const number = () => {
    for (const [index, input] of inputs().entries()) input.setAttribute('aria-label', `${label} ${index + 1}`)
    for (const [index, button] of [...items.querySelectorAll('button')].entries())
      button.setAttribute('aria-label', `Remove ${label.toLowerCase()} ${index + 1}`)
  }
  const addItem = (text: string) => {
    const input = h('input', {
      name,
      value: text,
      placeholder,
      list: suggestions,
      autocomplete: 'off',
      spellcheck: 'false',
      autocapitalize: 'off',
    })
    const remove = () => {
      const had = input.value.trim() !== ''
      item.remove()
      number()
      addButton.focus()
      if (had) onChange(texts())
    }
    const item = h(
      'div',
      { class: 'item' },
      input,
      h('button', { type: 'button', class: 'remove', onclick: remove }, '×'),
    )
    input.addEventListener('change', () => onChange(texts()))
    input.addEventListener('keydown', ({ key }) => key === 'Enter' && input.blur())
    items.append(item)
    number()
    return input
  }
  const addButton = h('button', { type: 'button', class: 'add', onclick: () => addItem('').focus() }, add)
  return {
    element: h('fieldset', { class: 'list' }, h('legend', { class: 'label' }, legend), items, addButton),
    show(wanted) {
      if (JSON.stringify(texts()) === JSON.stringify(wanted) && items.children.length >= least) return
      items.replaceChildren()
      for (const text of wanted) addItem(text)
      while (items.children.length < least) addItem('')
    },
  }
}
