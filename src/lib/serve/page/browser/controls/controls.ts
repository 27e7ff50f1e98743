/**
 * The controls: what the answers cover. They show a view and tell of the next one; what is typed counts when it is left
 * or Enter is pressed.
 */

import { dayGrains, weekdays } from '../../../../core/time.js'
import { capitalized } from '../../../../present/tables/cell-text.js'
import type { Suggestions } from '../../../../stats/filter/suggestions.js'
import { choice, h, labelled } from '../dom.js'
import { ranges, type View, type ViewChange } from '../url-state.js'
import { textList } from './text-list.js'

/** Values as a choice, with a capital letter. */
export const choicesOf = (values: readonly string[]) => values.map((value) => [value, capitalized(value)] as const)

/**
 * Fills the form of the page.
 *
 * @param change called with what is different from now on
 */
export function controls(form: HTMLElement, change: (change: ViewChange) => void): { show(view: View): void } {
  const range = choice('range', ranges, '')
  const from = h('input', { type: 'date', name: 'from', min: '1970-01-01' })
  const to = h('input', { type: 'date', name: 'to', min: '1970-01-01' })
  const dates = h('div', { class: 'dates', hidden: true }, labelled('First day', from), labelled('Last day', to))
  const grains = dayGrains.map((value) => h('input', { type: 'radio', name: 'grain', value }))
  const grain = h(
    'fieldset',
    { class: 'choice' },
    h('legend', { class: 'label' }, 'By'),
    h(
      'div',
      { class: 'segmented' },
      ...grains.map((input) => h('label', {}, input, h('span', {}, capitalized(input.value)))),
    ),
  )
  const zones = Intl.supportedValuesOf('timeZone').map((value) => h('option', { value }))
  const tz = h('input', {
    name: 'tz',
    list: 'time-zones',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'of the data',
  })
  const week = choice('week_start', choicesOf(weekdays), 'monday')
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
    h('datalist', { id: 'time-zones' }, ...zones),
    h('datalist', { id: 'segment-suggestions' }),
  )
  form.addEventListener('submit', (event) => event.preventDefault())
  range.addEventListener('change', () => {
    if (range.value !== 'dates') return change({ range: range.value, from: '', to: '' })
    dates.hidden = false
    from.focus()
  })
  // A date input tells of every digit of a year: it counts when it is a day of our time.
  dates.addEventListener('change', () => {
    if (from.validity.valid && to.validity.valid)
      change({ range: from.value || to.value ? 'dates' : '', from: from.value, to: to.value })
  })
  for (const input of grains) input.addEventListener('change', () => change({ grain: input.value }))
  tz.addEventListener('change', () => change({ tz: tz.value.trim() }))
  week.addEventListener('change', () => change({ week_start: week.value }))

  return {
    show(view) {
      range.value = view.range
      dates.hidden = view.range !== 'dates'
      from.value = view.from
      to.value = view.to
      for (const input of grains) input.checked = input.value === view.grain
      tz.value = view.tz
      week.value = view.week_start
      segments.show(view.segment)
    },
  }
}

/** Offers what the data holds where it can be typed; the server writes the texts, so that each can be asked with as it is. */
export function suggest({ segments, steps, fields }: Suggestions): void {
  const fill = (id: string, values: readonly string[]) =>
    document.getElementById(id)?.replaceChildren(...values.map((value) => h('option', { value })))
  fill('segment-suggestions', segments)
  fill('step-suggestions', steps)
  fill('by-suggestions', fields)
}
