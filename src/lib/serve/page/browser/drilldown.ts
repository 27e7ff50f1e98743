/** The users behind a number, in a dialog. The dialog element keeps the focus inside and gives it back when it closes. */
import type { AnyParams, RejectList, UsersAnswer } from './answers.js'
import { askJson, inForm, pathOf, saves } from './api.js'
import { h } from './dom.js'
import { refusalBox } from './error-box.js'
import { count, plural } from './format.js'

/** So many are shown; the file has all, or as many as one answer can have. */
const maxShown = 500
const mostInFile = 100_000

/** Opens the dialog for one number of an answer. */
export function showUsers(wanted: { stat: string; params: AnyParams; users: string; name: string }): void {
  const { stat, params, users, name } = wanted
  const path = pathOf(stat, { ...params, users })
  void openDialog(`Users: ${name}`, async (signal) => {
    const { data, meta } = await askJson<UsersAnswer>(path, signal)
    const shown = data.slice(0, maxShown)
    const isPage = meta.next_cursor !== undefined
    const all = isPage ? `more than ${count(data.length)} users` : plural(data.length, 'user')
    const whole = isPage ? `the CSV has up to ${count(mostInFile)}` : 'the CSV has all'
    const more = data.length > shown.length ? `The first ${count(shown.length)} of ${all}; ${whole}.` : all
    return [
      h('p', {}, h('strong', { class: 'user-count' }, more), ` behind ${meta.users_of}.`),
      csvLink(`${path}&page_size=${mostInFile}`, `${stat}-users.csv`),
      h(
        'ul',
        { class: 'users', tabindex: '0', 'aria-label': 'User ids' },
        ...shown.map(({ user_id: id }) => h('li', {}, id)),
      ),
    ]
  })
}

/** The records of an import that are no events. */
export function showRejects(id: string): void {
  void openDialog(`Rejects of import ${id}`, async (signal) => {
    const { data } = await askJson<RejectList>(`batches/${id}/rejects?limit=100`, signal)
    const rejects = data.map(({ record, line, code, detail, text }) =>
      h(
        'div',
        { class: 'reject' },
        h('p', {}, h('strong', {}, code), ` at record ${record}, line ${line}. ${detail ?? ''}`),
        h('pre', {}, text),
      ),
    )
    return [csvLink(`batches/${id}/rejects?limit=1000`, `rejects-${id}.csv`), ...rejects]
  })
}

function csvLink(path: string, name: string): HTMLElement {
  const link = h('a', { href: inForm(path, { format: 'csv' }), download: name, class: 'csv' }, 'CSV')
  return saves(link, (error) => link.after(refusalBox(error)))
}

async function openDialog(title: string, fill: (signal: AbortSignal) => Promise<HTMLElement[]>): Promise<void> {
  const controller = new AbortController()
  const body = h('div', { class: 'dialog-body', 'aria-live': 'polite' }, h('p', { class: 'quiet' }, 'Loading …'))
  const close = h('button', { type: 'button', class: 'close', onclick: () => dialog.close() }, 'Close')
  const dialog: HTMLDialogElement = h(
    'dialog',
    { 'aria-labelledby': 'dialog-title' },
    h('div', { class: 'dialog-head' }, h('h2', { id: 'dialog-title' }, title), close),
    body,
  )
  const before = document.activeElement
  // A click beside the dialog is one on its backdrop, which is the dialog itself.
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close())
  dialog.addEventListener('close', () => {
    controller.abort()
    dialog.remove()
    if (before instanceof HTMLElement) before.focus()
  })
  document.body.append(dialog)
  dialog.showModal()
  try {
    body.replaceChildren(...(await fill(controller.signal)))
  } catch (error) {
    if (!controller.signal.aborted) body.replaceChildren(refusalBox(error))
  }
}
