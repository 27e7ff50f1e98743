/** Batches and data quality: what came in, what was turned away, and how fresh the data is. */
import { askJson } from './api.js'
import { h } from './dom.js'
import { showRejects } from './drilldown.js'
import { refusalBox } from './error-box.js'
import { bytes, count, instant, plural, rate, span } from './format.js'
import { dataTable } from './tables.js'

const path = 'batches?limit=50'

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
    clear: () => body.replaceChildren(),
    async show(extent, signal) {
      element.setAttribute('aria-busy', 'true')
      try {
        const { data, meta } = await askJson(path, signal)
        body.replaceChildren(...quality(data, meta, extent), table(data))
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

function quality(batches, { more }, { data_until: until }) {
  const completed = batches.filter(({ status }) => status === 'completed')
  const sum = (name) => completed.reduce((total, batch) => total + batch[name], 0)
  const read = sum('read')
  const share = (number) => (read === 0 ? '' : ` (${rate(number / read)})`)
  const stale = batches.filter((batch) => batch.stale)
  const stuck = batches.filter(({ status }) => status === 'loading' || status === 'failed')
  const facts = [
    ['Newest event', until ?? '–'],
    ['Newest import', completed.length === 0 ? '–' : instant(completed[0].finished_at)],
    ['Records read', count(read)],
    ['Stored', `${count(sum('inserted'))}${share(sum('inserted'))}`],
    ['Duplicates', `${count(sum('duplicates'))}${share(sum('duplicates'))}`],
    ['Rejected', `${count(sum('rejected'))}${share(sum('rejected'))}`],
  ]
  return [
    h(
      'p',
      { class: 'definition' },
      `Of the ${plural(completed.length, 'completed import')}${more ? ', the newest ones' : ''}: every record that was read was stored, was there already, or was rejected.`,
    ),
    h('dl', { class: 'facts' }, ...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
    stuck.length > 0 &&
      h(
        'p',
        { class: 'warning' },
        h('strong', {}, 'Note: '),
        `${plural(stuck.length, 'import')} not completed; their events do not count.`,
      ),
    stale.length > 0 &&
      h(
        'p',
        { class: 'warning' },
        h('strong', {}, 'Note: '),
        `${plural(stale.length, 'import')} should be imported again: an undo removed events that they had as duplicates.`,
      ),
  ].filter(Boolean)
}

function table(batches) {
  const columns = [
    { heading: 'Import', isText: true, cell: ({ id }) => String(id) },
    { heading: 'File', isText: true, cell: ({ file }) => ({ text: file, class: 'file' }) },
    {
      heading: 'Status',
      isText: true,
      cell: ({ status, failure }) => ({
        text: failure === null ? status : `${status}: ${failure}`,
        class: status === 'completed' ? '' : 'odd',
      }),
    },
    { heading: 'Begun', isText: true, cell: ({ created_at: begun }) => ({ text: instant(begun), class: 'nowrap' }) },
    { heading: 'Read', cell: ({ read }) => count(read) },
    { heading: 'Stored', cell: ({ inserted }) => count(inserted) },
    { heading: 'Duplicates', cell: ({ duplicates }) => count(duplicates) },
    {
      heading: 'Rejected',
      cell: ({ id, rejected }) => ({
        text: count(rejected),
        users: rejected > 0 ? String(id) : undefined,
        name: `the rejects of import ${id}`,
      }),
    },
    { heading: 'Size', cell: ({ bytes: size }) => ({ text: bytes(size), class: 'nowrap' }) },
    { heading: 'Took', cell: ({ seconds }) => ({ text: span(seconds), class: 'nowrap' }) },
  ]
  return dataTable('The newest imports', columns, batches, (id) => showRejects(id))
}
