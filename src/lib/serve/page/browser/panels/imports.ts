/** Batches and data quality: what came in, what was turned away, and how fresh the data is. */
import type { BatchList } from '../answers.js'
import { askJson } from '../api.js'
import { h } from '../dom.js'
import { showRejects } from '../drilldown.js'
import { refusalBox } from '../error-box.js'
import { count, instant, plural, rate } from '../format.js'
import { tableElement, tableOf } from './data-table.js'

/** The panel of imports; it does not depend on the view. */
export function importsView() {
  const body = h('div', {})
  const element = h(
    'section',
    { id: 'imports', class: 'panel wide', 'aria-labelledby': 'imports-title' },
    h('div', { class: 'panel-head' }, h('h2', { id: 'imports-title' }, 'Imports and data quality')),
    body,
  )
  return {
    element,
    /** @param newest the newest day of the data */
    async show(newest: string | null, signal: AbortSignal): Promise<boolean> {
      element.setAttribute('aria-busy', 'true')
      try {
        const list = await askJson<BatchList>('batches?limit=50', signal)
        body.replaceChildren(...quality(list, newest), table(list))
        return true
      } catch (error) {
        if (!signal.aborted) body.replaceChildren(refusalBox(error))
        return false
      } finally {
        if (!signal.aborted) element.removeAttribute('aria-busy')
      }
    },
  }
}

function quality({ data: batches, meta: { more } }: BatchList, newest: string | null): HTMLElement[] {
  const completed = batches.filter(({ status }) => status === 'completed')
  const sum = (name: 'read' | 'inserted' | 'duplicates' | 'rejected') =>
    completed.reduce((total, batch) => total + batch[name], 0)
  const read = sum('read')
  const shareOf = (number: number) => `${count(number)}${read === 0 ? '' : ` (${rate(number / read)})`}`
  const facts = [
    ['Newest event', newest ?? '–'],
    ['Newest import', instant(completed[0]?.finished_at ?? null)],
    ['Records read', count(read)],
    ['Stored', shareOf(sum('inserted'))],
    ['Duplicates', shareOf(sum('duplicates'))],
    ['Rejected', shareOf(sum('rejected'))],
  ] as const
  const warning = (number: number, text: string) =>
    number === 0 ? [] : [h('p', { class: 'warning' }, h('strong', {}, 'Note: '), `${plural(number, 'import')} ${text}`)]
  const stuck = batches.filter(({ status }) => status === 'loading' || status === 'failed')
  const stale = batches.filter((batch) => batch.stale)
  return [
    h(
      'p',
      { class: 'definition' },
      `Of the ${plural(completed.length, 'completed import')}${more ? ', the newest ones' : ''}: every record that was read was stored, was there already, or was rejected.`,
    ),
    h('dl', { class: 'facts' }, ...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
    ...warning(stuck.length, 'not completed; their events do not count.'),
    ...warning(stale.length, 'should be imported again: an undo removed events that they had as duplicates.'),
  ]
}

function table({ data }: BatchList): HTMLElement {
  const made = tableOf(data, [
    { heading: 'Import', isText: true, cell: ({ id }) => ({ text: String(id) }) },
    { heading: 'File', isText: true, cell: ({ file }) => ({ text: file, class: 'file' }) },
    {
      heading: 'Status',
      isText: true,
      cell: ({ status, failure }) => ({
        text: failure === null ? status : `${status}: ${failure}`,
        class: status === 'completed' ? '' : 'odd',
      }),
    },
    { heading: 'Begun', isText: true, cell: ({ created_at: begun }) => ({ text: instant(begun) }) },
    { of: 'read', kind: 'count' },
    { of: 'inserted', kind: 'count', heading: 'Stored' },
    { of: 'duplicates', kind: 'count' },
    { of: 'rejected', kind: 'count', users: ({ id }) => [String(id), `the rejects of import ${id}`] },
    { of: 'bytes', kind: 'bytes', heading: 'Size' },
    { of: 'seconds', kind: 'seconds', heading: 'Took' },
  ])
  return tableElement(made, showRejects, 'The newest imports')
}
