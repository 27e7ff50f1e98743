/** What single panels let choose, by the panel's id. */
import { dayGrains } from '../../../../core/time.js'
import { choice, h, labelled } from '../dom.js'
import { activeStats, type FieldName, type View, type ViewChange } from '../url-state.js'
import { choicesOf } from './controls.js'
import { textList } from './text-list.js'

/** Controls that show a view. */
export interface Options {
  readonly element: HTMLElement
  show(view: View): void
}

const untouched = { autocomplete: 'off', spellcheck: 'false' }

/** The options of each panel that has some. */
export function panelOptions(change: (change: ViewChange) => void): Readonly<Record<string, Options>> {
  const several = (...fields: readonly Options[]): Options => ({
    element: h('div', { class: 'options' }, ...fields.map(({ element }) => element)),
    show: (view) => {
      for (const field of fields) field.show(view)
    },
  })
  const field = (name: FieldName, label: string, control: HTMLInputElement | HTMLSelectElement): Options => {
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
  const measures = [['events', 'Events'] as const, ['unique_users', 'Users'] as const]
  const windows = h('input', { type: 'number', name: 'windows', min: '1', max: '60', required: true })
  const by = h('input', { name: 'by', list: 'by-suggestions', required: true, ...untouched })
  const window = h('input', {
    name: 'window',
    size: '6',
    required: true,
    'aria-description': 'For example 30m, 12h or 14d',
    ...untouched,
  })
  return {
    active: several(field('active', 'Counted', choice('active', activeStats, 'dau'))),
    trend: several(
      field('by', 'By', by),
      { element: h('datalist', { id: 'by-suggestions' }), show: () => {} },
      field('measure', 'Counted', choice('measure', measures, 'events')),
    ),
    retention: several(
      field('window_type', 'Windows of a', choice('window_type', choicesOf(dayGrains), 'week')),
      field('windows', 'How many', windows),
    ),
    funnel: several(
      {
        element: h('div', {}, steps.element, h('datalist', { id: 'step-suggestions' })),
        show: (view) => steps.show(view.step),
      },
      field('window', 'All within', window),
    ),
  }
}
