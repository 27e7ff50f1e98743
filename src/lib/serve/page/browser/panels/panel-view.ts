/**
 * A panel on the page: heading, definition, resolved range, warnings, chart, table, CSV. It asks when it is told to, and
 * shows that it waits, what came, or why nothing came.
 */
import type { AnyAnswer, Correction } from '../answers.js'
import { ask, askJson, inForm, pathOf, saves } from '../api.js'
import { h } from '../dom.js'
import { showUsers } from '../drilldown.js'
import { refusalBox } from '../error-box.js'
import { plural } from '../format.js'
import type { Days, View } from '../url-state.js'
import { type Drill, tableElement } from './data-table.js'
import type { Panel } from './panels.js'

/** Charts are made for one of a few widths, so that the server can keep them. */
const widths = [320, 400, 480, 560, 640, 720, 800, 960, 1120, 1280]

export interface PanelView {
  readonly element: HTMLElement
  /** Whether it is shown. */
  show(view: View, days: Days, signal: AbortSignal): Promise<boolean>
}

/**
 * Makes a panel.
 *
 * @param options what only this panel lets choose
 * @param correct takes over what was meant
 */
export function panelView(
  panel: Panel,
  options: HTMLElement | undefined,
  correct: (correction: Correction) => void,
): PanelView {
  const title = h('h2', { id: `${panel.id}-title` })
  const trouble = h('div', { class: 'trouble' })
  const about = h('div', { class: 'about' })
  const chart = h('div', { class: 'chart' })
  const numbers = h('div', { class: 'numbers' })
  const csv = saves(h('a', { class: 'csv', hidden: true }, 'CSV'), (error) =>
    trouble.replaceChildren(refusalBox(error)),
  )
  const element = h(
    'section',
    { id: panel.id, class: `panel${panel.isWide ? ' wide' : ''}`, 'aria-labelledby': title.id },
    h('div', { class: 'panel-head' }, title, !panel.hasManyOptions && options, csv),
    panel.hasManyOptions && options,
    trouble,
    about,
    chart,
    numbers,
  )

  const clear = () => {
    csv.hidden = true
    for (const part of [trouble, about, chart, numbers]) part.replaceChildren()
  }

  const show = async (view: View, days: Days, signal: AbortSignal) => {
    const params = panel.params(view, days)
    const hasNumbers = numbers.childElementCount > 0
    if (params === undefined || !hasNumbers) title.textContent = panel.title(view)
    if (params === undefined) {
      clear()
      about.append(h('p', { class: 'quiet' }, panel.empty))
      element.removeAttribute('aria-busy')
      return true
    }
    const stat = panel.stat(view)
    const path = pathOf(stat, params)
    element.setAttribute('aria-busy', 'true')
    try {
      const answer = await askJson<AnyAnswer>(path, signal)
      const wasOpen = numbers.querySelector('details')?.open ?? false
      clear()
      title.textContent = panel.title(view)
      csv.href = inForm(path, { format: 'csv' })
      csv.download = `${stat}.csv`
      csv.hidden = false
      csv.setAttribute('aria-label', `${panel.title(view)}: CSV`)
      about.append(...aboutAnswer(answer))
      const drill: Drill = (users, name) => showUsers({ stat, params, users, name })
      numbers.append(tableOf(panel, answer, drill, wasOpen))
      return await draw(chart, path, panel.title(view), signal)
    } catch (error) {
      if (signal.aborted) return false
      if (!hasNumbers) clear()
      trouble.replaceChildren(refusalBox(error, { correct, older: hasNumbers }))
      return false
    } finally {
      if (!signal.aborted) element.removeAttribute('aria-busy')
    }
  }
  return { element, show }
}

function tableOf(panel: Panel, answer: AnyAnswer, drill: Drill, wasOpen: boolean): HTMLElement {
  const made = panel.table(answer)
  const table = tableElement({ caption: `${panel.id}: numbers`, ...made }, drill)
  if (panel.isOpen) return table
  const summary = h('summary', {}, `Numbers as a table (${plural(made.rows.length, 'row')})`)
  return h('details', { open: wasOpen }, summary, table)
}

/** The definition, the days that were taken, what to know beside them. */
function aboutAnswer({ meta }: AnyAnswer): HTMLElement[] {
  const { definition, from, to, tz, week_start: week, default_range: byDefault, data_until: until, grain } = meta
  const weeks = [grain, meta.window_type].includes('week') ? [`weeks from ${week}`] : []
  const range = [from === to ? from : `${from} to ${to}`, tz, ...weeks].join(', ')
  const notes = [
    byDefault === null ? '' : ` ${byDefault}.`.replace('..', '.'),
    until !== null && to !== null && until < to ? ` The data ends on ${until}.` : '',
  ]
  const said = from === null ? [] : [h('p', { class: 'quiet' }, h('span', { class: 'range' }, `${range}.`), ...notes)]
  return [
    h('p', { class: 'definition' }, definition),
    ...said,
    ...(meta.warnings ?? []).map((text) => h('p', { class: 'warning' }, h('strong', {}, 'Note: '), text)),
  ]
}

/** Puts the chart of the same question in its place, as wide as the place is. The numbers stay when there is none. */
async function draw(place: HTMLElement, path: string, title: string, signal: AbortSignal): Promise<boolean> {
  const room = place.clientWidth || 640
  const width = widths.findLast((known) => known <= room) ?? widths[0]
  try {
    const response = await ask(inForm(path, { format: 'svg', colors: 'variables', width: String(width) }), signal)
    const parsed = new DOMParser().parseFromString(await response.text(), 'image/svg+xml')
    if (parsed.documentElement.localName !== 'svg') throw new Error(`${title} came without a chart.`)
    place.replaceChildren(document.importNode(parsed.documentElement, true))
    return true
  } catch (error) {
    if (!signal.aborted) place.replaceChildren(refusalBox(error))
    return false
  }
}
