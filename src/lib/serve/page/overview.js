/** The numbers at the head of the page, each with what it says and of when it is. */
import { askJson, pathOf } from './api.js'
import { h } from './dom.js'
import { count } from './format.js'
import { incompleteMark } from './tables.js'
import { frameOf } from './url-state.js'

/** Where the numbers stand, and how they are asked for. */
export function overview() {
  const list = h('dl', { class: 'tiles' })
  const element = h('section', { id: 'overview', class: 'wide', 'aria-label': 'At a glance' }, list)
  return {
    element,
    clear: () => list.replaceChildren(),
    async show(view, days, signal) {
      const params = { ...days, ...frameOf(view) }
      const [dau, wau, mau, events] = await Promise.all(
        ['dau', 'wau', 'mau', 'trend'].map((stat) => askJson(pathOf(stat, params), signal)),
      )
      const { from, to } = events.meta
      const total = events.data.reduce((sum, { value }) => sum + (value ?? 0), 0)
      list.replaceChildren(
        latest('Daily active users', dau),
        latest('Active users in 7 days', wau),
        latest('Active users in 30 days', mau),
        tile('Events', count(total), from === to ? from : `${from} to ${to}`),
      )
      return true
    },
  }
}

/** The newest row that has a number. */
function latest(name, { data }) {
  const row = data.findLast(({ unique_users: users }) => users !== null)
  if (row === undefined) return tile(name, '–', 'no data in the range')
  return tile(name, count(row.unique_users), row.date, !row.complete && incompleteMark())
}

function tile(name, number, when, mark) {
  return h(
    'div',
    { class: 'tile' },
    h('dt', {}, name),
    h('dd', {}, h('span', { class: 'big' }, number, mark), h('span', { class: 'quiet' }, when)),
  )
}
