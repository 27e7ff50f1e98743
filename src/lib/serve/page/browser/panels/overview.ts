/** The numbers at the head of the page, each with what it says and of when it is. */
import type { ParamsOf, StatAnswer, StatName } from '../answers.js'
import { askJson, pathOf } from '../api.js'
import { h, incompleteMark } from '../dom.js'
import { count } from '../format.js'
import { type Days, frameOf, type View } from '../url-state.js'

/** Where the numbers stand, and how they are asked for. */
export function overview() {
  const list = h('dl', { class: 'tiles' })
  return {
    element: h('section', { id: 'overview', class: 'wide', 'aria-label': 'At a glance' }, list),
    clear: () => list.replaceChildren(),
    async show(view: View, days: Days, signal: AbortSignal): Promise<boolean> {
      const asked = <N extends StatName>(stat: N) => {
        const params: ParamsOf<'dau'> = { ...days, ...frameOf(view) }
        return askJson<StatAnswer<N>>(pathOf(stat, params), signal)
      }
      const [dau, wau, mau, events] = await Promise.all([asked('dau'), asked('wau'), asked('mau'), asked('trend')])
      const { from, to } = events.meta
      const total = events.data.reduce((sum, { value }) => sum + Number(value ?? 0), 0)
      list.replaceChildren(
        latest('Daily active users', dau),
        latest('Active users in 7 days', wau),
        latest('Active users in 30 days', mau),
        tile('Events', count(total), from === to ? `${from}` : `${from} to ${to}`),
      )
      return true
    },
  }
}

/** The newest row that has a number. */
function latest(name: string, { data }: StatAnswer<'dau' | 'wau' | 'mau'>): HTMLElement {
  const row = data.findLast(({ unique_users: users }) => users !== null)
  if (row === undefined) return tile(name, '–', 'no data in the range')
  return tile(name, count(row.unique_users), row.date, !row.complete && incompleteMark())
}

function tile(name: string, number: string, when: string, mark: HTMLElement | false = false): HTMLElement {
  return h(
    'div',
    { class: 'tile' },
    h('dt', {}, name),
    h('dd', {}, h('span', { class: 'big' }, number, mark), h('span', { class: 'quiet' }, when)),
  )
}
