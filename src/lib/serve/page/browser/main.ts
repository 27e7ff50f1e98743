/**
 * The page: it reads the view from the address, asks the server, and shows what comes. Whatever is chosen becomes a new
 * address first and is asked then, so the address always says what is seen.
 */
import type { Suggestions } from '../../../stats/filter/suggestions.js'
import type { Correction, StatAnswer, StatList } from './answers.js'
import { askJson, knownKey, pathOf, type Refusal, rememberKey } from './api.js'
import { keyForm } from './controls/api-key-form.js'
import { controls, suggest } from './controls/controls.js'
import { panelOptions } from './controls/panel-options.js'
import { byId, h } from './dom.js'
import { refusalBox } from './error-box.js'
import { importsView } from './panels/imports.js'
import { overview } from './panels/overview.js'
import { panelView } from './panels/panel-view.js'
import { otherPanels, type Panel, panels } from './panels/panels.js'
import { printAll } from './print.js'
import { watchTheme } from './theme.js'
import { daysOf, frameOf, searchOf, type ViewChange, viewOf } from './url-state.js'

const main = byId('answers')
const notices = h('div', { class: 'notices wide' })
let view = viewOf('').view
let running = new AbortController()
/** Whether numbers stand on the page, maybe of an earlier view. */
let hasNumbers = false

const chosen = controls(byId('controls'), change)
const options = panelOptions(change)
const glance = overview()
const viewOfPanel = (panel: Panel) => panelView(panel, options[panel.id]?.element, correct)
const views = panels.map(viewOfPanel)
const imports = importsView()
let sections: HTMLElement[] = []
/** Whether the panels of all other stats that the server has are there. */
let hasAll = false
lay()

function lay(): void {
  sections = [glance.element, ...views.map(({ element }) => element), imports.element]
  main.replaceChildren(notices, ...sections)
}

function addOtherPanels({ data }: StatList): void {
  const others = otherPanels(data)
  hasAll = true
  if (others.length === 0) return
  views.push(...others.map(viewOfPanel))
  lay()
}

/** Takes over what was chosen. */
function change(different: ViewChange): void {
  const next = { ...view, ...different }
  if (searchOf(next) === searchOf(view)) return
  history.pushState(null, '', `${location.pathname}${searchOf(next)}`)
  void showAddress()
}

/** Takes over what was probably meant. */
function correct({ parameter, given, meant }: Correction): void {
  const now = view[parameter as keyof typeof view]
  main.focus()
  change({ [parameter]: typeof now === 'object' ? now.map((text) => (text === given ? meant : text)) : meant })
}

/** Shows what the address says. */
async function showAddress(): Promise<void> {
  running.abort()
  running = new AbortController()
  const { signal } = running
  const read = viewOf(location.search)
  view = read.view
  chosen.show(view)
  for (const option of Object.values(options)) option.show(view)
  notices.replaceChildren(...read.problems.map((text) => h('p', { class: 'notice', role: 'alert' }, text)))
  byId('key-button').hidden = knownKey() === null
  tell('Loading.')
  main.setAttribute('aria-busy', 'true')
  try {
    await showAll(signal)
  } catch (error) {
    if (!signal.aborted) showRefusal(error)
  } finally {
    if (!signal.aborted) main.removeAttribute('aria-busy')
  }
}

async function showAll(signal: AbortSignal): Promise<void> {
  // First one question: whether the server is there, knows us and understands the segments; and how far the data goes.
  const dates = view.range === 'dates' ? daysOf(view, { first: null, last: null }) : {}
  const [first, listed] = await Promise.all([
    askJson<StatAnswer<'dau'>>(pathOf('dau', { ...dates, ...frameOf(view) }), signal),
    hasAll ? undefined : askJson<StatList>('stats', signal),
  ])
  const { data_from: from, data_until: until } = first.meta
  byId('extent').textContent = until === null ? 'no events yet' : `data from ${from} to ${until}`
  if (until === null) {
    hasNumbers = false
    present([imports.element])
    notices.append(emptyNotice())
    await imports.show(until, signal)
    tell('There are no events yet.')
    return
  }
  if (listed !== undefined) addOtherPanels(listed)
  present(sections)
  hasNumbers = true
  const days = daysOf(view, { first: from, last: until })
  const shown = await Promise.all([
    glance.show(view, days, signal).catch(() => {
      // The panels say why: the numbers at the head only stay away.
      if (!signal.aborted) glance.clear()
      return false
    }),
    ...views.map((one) => one.show(view, days, signal)),
    imports.show(until, signal),
    offerSuggestions(signal),
  ])
  if (signal.aborted) return
  const failed = shown.filter((isShown) => !isShown).length
  tell(failed === 0 ? 'All answers are shown.' : `${failed} of ${shown.length} answers could not be shown.`)
}

async function offerSuggestions(signal: AbortSignal): Promise<boolean> {
  try {
    suggest(await askJson<Suggestions>('page/suggestions', signal))
  } catch {
    // Only suggestions are missing.
  }
  return true
}

/** Shows these sections and hides the others. */
function present(wanted: readonly HTMLElement[]): void {
  for (const section of sections) section.hidden = !wanted.includes(section)
}

/** The one thing that stands between the reader and all answers. */
function showRefusal(error: unknown): void {
  const { status = 0, message } = error as Partial<Refusal>
  if (status === 401 || status === 403) {
    hasNumbers = false
    present([])
    byId('key-button').hidden = knownKey() === null
    const form = keyForm(error as Refusal, () => void showAddress())
    notices.replaceChildren(form.element)
    form.focus()
    tell(`${message}`)
    return
  }
  // A question that is written wrong says nothing against the numbers of the one before.
  const older = hasNumbers && status >= 400 && status < 500
  present(older ? sections : [])
  notices.append(refusalBox(error, { again: () => void showAddress(), correct, older }))
  tell(`Not shown: ${message}`)
}

function emptyNotice(): HTMLElement {
  return h(
    'div',
    { class: 'notice' },
    h('h2', {}, 'There are no events yet'),
    h(
      'p',
      {},
      'Import some, then reload: ',
      h('code', {}, 'ea import FILE'),
      ', or ',
      h('code', {}, 'ea generate'),
      ' to generate a log for testing.',
    ),
  )
}

/** Says something to those who cannot see that the page has changed. */
function tell(text: string): void {
  byId('live').textContent = text
}

watchTheme(byId<HTMLSelectElement>('theme'))
byId('reload').addEventListener('click', () => void showAddress())
const copyLink = byId('copy-link')
// Browsers let pages copy over TLS and on this machine only.
copyLink.hidden = navigator.clipboard === undefined
copyLink.addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(location.href)
    tell('The address of this view is copied.')
    copyLink.textContent = 'Copied'
    setTimeout(() => {
      copyLink.textContent = 'Copy link'
    }, 2000)
  } catch {
    tell('The browser did not allow copying; copy the address from the address bar.')
  }
})
byId('key-button').addEventListener('click', () => {
  rememberKey(null)
  void showAddress()
})
addEventListener('popstate', () => void showAddress())
printAll()
void showAddress()
