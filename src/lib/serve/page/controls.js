/**
 * The controls: what the answers cover. They show a view and tell of the next one; what is typed counts when it is left
 * or Enter is pressed.
 */
import { choice, h, labelled } from './dom.js'
import { activeStats, grains, ranges, weekdays } from './url-state.js'

const capital = (text) => text[0].toUpperCase() + text.slice(1)
const pairs = (values) => values.map((value) => [value, capital(value)])

/**
 * Fills the form of the page.
 *
 * @param {HTMLFormElement} form
 * @param {(change: Record<string, any>) => void} change called with what is different from now on
 * @returns {{ show: (view: any) => void }}
 */
export function controls(form, change) {
  const range = choice('range', ranges, '')
  const from = h('input', { type: 'date', name: 'from', min: '1970-01-01' })
  const to = h('input', { type: 'date', name: 'to', min: '1970-01-01' })
  const dates = h('div', { class: 'dates', hidden: true }, labelled('First day', from), labelled('Last day', to))
  const grain = h('fieldset', { class: 'choice' }, h('legend', { class: 'label' }, 'By'))
  const grainChoice = h('div', { class: 'segmented' })
  for (const name of grains) {
    grainChoice.append(
      h('label', {}, h('input', { type: 'radio', name: 'grain', value: name }), h('span', {}, capital(name))),
    )
  }
  grain.append(grainChoice)
  const zones = h(
    'datalist',
    { id: 'time-zones' },
    ...Intl.supportedValuesOf('timeZone').map((value) => h('option', { value })),
  )
  const tz = h('input', {
    name: 'tz',
    list: 'time-zones',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'of the data',
  })
  const week = choice('week_start', pairs(weekdays), 'monday')
  const segments = textList({
    name: 'segment',
    label: 'Filter',
    legend: 'Filter',
    placeholder: 'properties.country:UA,PL',
    add: 'Add a filter',
    suggestions: 'segment-suggestions',
    onChange: (segment) => change({ segment }),
  })
  form.append(
    h(
      'div',
      { class: 'row' },
      labelled('Range', range),
      dates,
      grain,
      labelled('Time zone', tz),
      labelled('Week begins on', week),
      segments.element,
    ),
    zones,
    h('datalist', { id: 'segment-suggestions' }),
  )
  form.addEventListener('submit', (event) => event.preventDefault())
  range.addEventListener('change', () => {
    if (range.value !== 'dates') return change({ range: range.value, from: '', to: '' })
    dates.hidden = false
    from.focus()
  })
  const datesChanged = () => {
    if (from.validity.valid && to.validity.valid)
      change({ range: from.value || to.value ? 'dates' : '', from: from.value, to: to.value })
  }
  // A date input tells of every digit of a year: it counts when it is a day of our time.
  for (const input of [from, to]) input.addEventListener('change', datesChanged)
  grain.addEventListener('change', ({ target }) => change({ grain: target.value }))
  tz.addEventListener('change', () => change({ tz: tz.value.trim() }))
  week.addEventListener('change', () => change({ week_start: week.value }))

  return {
    show(view) {
      range.value = view.range
      dates.hidden = view.range !== 'dates'
      from.value = view.from
      to.value = view.to
      for (const input of grain.querySelectorAll('input')) input.checked = input.value === view.grain
      tz.value = view.tz
      week.value = view.week_start
      segments.show(view.segment)
    },
  }
}

/**
 * Several texts, each in a field of its own, with buttons to add one and to take one away.
 *
 * @returns {{ element: HTMLElement, show: (texts: string[]) => void }}
 */
function textList({ name, label, legend, placeholder, add, suggestions, least = 0, onChange }) {
  const items = h('div', { class: 'items' })
  const texts = () =>
    [...items.querySelectorAll('input')].map(({ value }) => value.trim()).filter((text) => text !== '')
  const number = () => {
    for (const [index, input] of [...items.querySelectorAll('input')].entries())
      input.setAttribute('aria-label', `${label} ${index + 1}`)
    for (const [index, button] of [...items.querySelectorAll('button')].entries())
      button.setAttribute('aria-label', `Remove ${label.toLowerCase()} ${index + 1}`)
  }
  const addItem = (text) => {
    const input = h('input', {
      name,
      value: text,
      placeholder,
      list: suggestions,
      autocomplete: 'off',
      spellcheck: 'false',
      autocapitalize: 'off',
    })
    const item = h('div', { class: 'item' }, input)
    const remove = h(
      'button',
      {
        type: 'button',
        class: 'remove',
        onclick: () => {
          const had = input.value.trim() !== ''
          item.remove()
          number()
          addButton.focus()
          if (had) onChange(texts())
        },
      },
      '×',
    )
    input.addEventListener('change', () => onChange(texts()))
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') input.blur()
    })
    item.append(remove)
    items.append(item)
    number()
    return input
  }
  const addButton = h('button', { type: 'button', class: 'add', onclick: () => addItem('').focus() }, add)
  const element = h('fieldset', { class: 'list' }, h('legend', { class: 'label' }, legend), items, addButton)
  return {
    element,
    show(wanted) {
      if (JSON.stringify(texts()) === JSON.stringify(wanted) && items.children.length >= least) return
      items.replaceChildren()
      for (const text of wanted) addItem(text)
      while (items.children.length < least) addItem('')
    },
  }
}

/**
 * What single panels let choose, by the panel's id.
 *
 * @param {(change: Record<string, any>) => void} change
 * @returns {Record<string, { element: HTMLElement, show: (view: any) => void }>}
 */
export function panelOptions(change) {
  const several = (...fields) => ({
    element: h('div', { class: 'options' }, ...fields.map(({ element }) => element)),
    show: (view) => {
      for (const field of fields) field.show(view)
    },
  })
  const field = (name, label, control) => {
    control.addEventListener('change', () => control.validity.valid && change({ [name]: control.value.trim() }))
    return {
      element: labelled(label, control),
      show: (view) => {
        control.value = view[name]
      },
    }
  }
  const steps = textList({
    name: 'step',
    label: 'Step',
    legend: 'Steps, in their order',
    placeholder: 'event type',
    add: 'Add a step',
    suggestions: 'step-suggestions',
    least: 2,
    onChange: (step) => change({ step }),
  })
  return {
    active: several(field('active', 'Counted', choice('active', activeStats, 'dau'))),
    trend: several(
      field(
        'by',
        'By',
        h('input', { name: 'by', list: 'by-suggestions', required: true, autocomplete: 'off', spellcheck: 'false' }),
      ),
      { element: h('datalist', { id: 'by-suggestions' }), show: () => {} },
      field(
        'measure',
        'Counted',
        choice(
          'measure',
          [
            ['events', 'Events'],
            ['unique_users', 'Users'],
          ],
          'events',
        ),
      ),
    ),
    retention: several(
      field('window_type', 'Windows of a', choice('window_type', pairs(grains), 'week')),
      field(
        'windows',
        'How many',
        h('input', { type: 'number', name: 'windows', min: '1', max: '60', required: true }),
      ),
    ),
    funnel: several(
      {
        element: h('div', {}, steps.element, h('datalist', { id: 'step-suggestions' })),
        show: (view) => steps.show(view.step),
      },
      field(
        'window',
        'All within',
        h('input', {
          name: 'window',
          size: '6',
          required: true,
          autocomplete: 'off',
          spellcheck: 'false',
          'aria-description': 'For example 30m, 12h or 14d',
        }),
      ),
    ),
  }
}

/**
 * Offers what the data holds where it can be typed; the server writes the texts, so that each can be asked with as it is.
 *
 * @param {{ segments: string[], steps: string[], fields: string[] }} suggestions
 */
export function suggest({ segments, steps, fields }) {
  const fill = (id, values) =>
    document.getElementById(id)?.replaceChildren(...values.map((value) => h('option', { value })))
  fill('segment-suggestions', segments)
  fill('step-suggestions', steps)
  fill('by-suggestions', fields)
}
