/**
 * A panel on the page: heading, definition, resolved range, warnings, chart, table, CSV. It asks when it is told to, and
 * shows that it waits, what came, or why nothing came.
 */
import { ask, askJson, download, inForm, knownKey, pathOf } from './api.js'
import { h } from './dom.js'
import { showUsers } from './drilldown.js'
import { refusalBox } from './error-box.js'
import { plural } from './format.js'
import { dataTable } from './tables.js'

/** Charts are made for one of a few widths, so that the server can keep them. */
const widths = [320, 400, 480, 560, 640, 720, 800, 960, 1120, 1280]

/**
 * Makes a panel.
 *
 * @param {import('./panels.js').Panel} panel
 * @param {HTMLElement | null} options what only this panel lets choose
 * @param {(correction: { parameter: string, given: string, meant: string }) => void} correct takes over what was meant
 * @returns {{ element: HTMLElement, show: (view: any, days: any, signal: AbortSignal) => Promise<boolean> }}
 */
export function panelView(panel, options, correct) {
  const title = h('h2', { id: `${panel.id}-title` })
  const trouble = h('div', { class: 'trouble' })
  const about = h('div', { class: 'about' })
  const chart = h('div', { class: 'chart' })
  const numbers = h('div', { class: 'numbers' })
  const csv = h('a', { class: 'csv', hidden: true }, 'CSV')
  const element = h(
    'section',
    { id: panel.id, class: `panel${panel.isWide ? ' wide' : ''}`, 'aria-labelledby': `${panel.id}-title` },
    h('div', { class: 'panel-head' }, title, !panel.hasManyOptions && options, csv),
    panel.hasManyOptions && options,
    trouble,
    about,
    chart,
    numbers,
  )
  csv.addEventListener('click', async (event) => {
    if (knownKey() === null) return
    // A link has no headers.
    event.preventDefault()
    try {
      await download(csv.href, csv.download)
    } catch (error) {
      trouble.replaceChildren(refusalBox(error))
    }
  })

  const clear = () => {
    csv.hidden = true
    for (const part of [trouble, about, chart, numbers]) part.replaceChildren()
  }

  const show = async (view, days, signal) => {
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
      const answer = await askJson(path, signal)
      const wasOpen = numbers.querySelector('details')?.open
      clear()
      title.textContent = panel.title(view)
      csv.href = inForm(path, { format: 'csv' })
      csv.download = `${stat}.csv`
      csv.hidden = false
      csv.setAttribute('aria-label', `${panel.title(view)}: CSV`)
      about.append(...aboutAnswer(answer))
      const drill = (users, name) => showUsers({ stat, params, users, name })
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
  return { element, show, clear }
}

function tableOf(panel, answer, drill, wasOpen) {
  const made = panel.table(answer, drill)
  const table =
    made instanceof HTMLElement
      ? made
      : dataTable(`${panel.id}: numbers`, made.columns, made.rows, drill, { foot: made.foot })
  if (panel.isOpen) return table
  const rows = made instanceof HTMLElement ? answer.data.length : made.rows.length
  return h(
    'details',
    { open: wasOpen === true },
    h('summary', {}, `Numbers as a table (${plural(rows, 'row')})`),
    table,
  )
}

/** The definition, the days that were taken, what to know beside them. */
export function aboutAnswer({ meta }) {
  const {
    definition,
    from,
    to,
    tz,
    week_start: week,
    default_range: byDefault,
    data_until: until,
    grain,
    window_type: kind,
  } = meta
  const hasWeeks = [grain, kind].includes('week')
  const range =
    from === null ? [] : [from === to ? from : `${from} to ${to}`, tz, ...(hasWeeks ? [`weeks from ${week}`] : [])]
  const short = until !== null && to !== null && until < to ? ` The data ends on ${until}.` : ''
  return [
    h('p', { class: 'definition' }, definition),
    range.length > 0 &&
      h(
        'p',
        { class: 'quiet' },
        h('span', { class: 'range' }, `${range.join(', ')}.`),
        byDefault === null ? '' : ` ${byDefault}.`.replace('..', '.'),
        short,
      ),
    ...(meta.warnings ?? []).map((text) => h('p', { class: 'warning' }, h('strong', {}, 'Note: '), text)),
  ].filter(Boolean)
}

/** Puts the chart of the same question in its place, as wide as the place is. The numbers stay when there is none. */
async function draw(place, path, title, signal) {
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
