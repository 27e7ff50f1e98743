/**
 * The page: it reads the view from the address, asks the server, and shows what comes. Whatever is chosen becomes a new
 * address first and is asked then, so the address always says what is seen.
 */
import { askJson, knownKey, pathOf, Refusal, rememberKey } from './api.js'
import { keyForm } from './api-key-form.js'
import { controls, panelOptions, suggest } from './controls.js'
import { byId, h } from './dom.js'
import { refusalBox } from './error-box.js'
import { importsView } from './imports.js'
import { overview } from './overview.js'
import { panelView } from './panel-view.js'
import { otherPanels, panels } from './panels.js'
import { printAll } from './print.js'
import { watchTheme } from './theme.js'
import { daysOf, frameOf, searchOf, viewOf } from './url-state.js'

const main = byId('answers')
const notices = h('div', { class: 'notices wide' })
let view = viewOf('').view
let running = new AbortController()
/** Whether numbers stand on the page, maybe of an earlier view. */
let hasNumbers = false

const chosen = controls(byId('controls'), change)
const options = panelOptions(change)
const glance = overview()
const viewOfPanel = (panel) => panelView(panel, options[panel.id]?.element ?? null, correct)
const views = panels.map(viewOfPanel)
const imports = importsView()
let sections = []
/** Whether the panels of all other stats that the server has are there. */
let hasAll = false
lay()

function lay() {
  sections = [glance.element, ...views.map(({ element }) => element), imports.element]
  main.replaceChildren(notices, ...sections)
}

function addOtherPanels({ data }) {
  const others = otherPanels(data)
  hasAll = true
  if (others.length === 0) return
  views.push(...others.map(viewOfPanel))
  lay()
}

/** Takes over what was chosen. */
function change(different) {
  const next = { ...view, ...different }
  if (searchOf(next) === searchOf(view)) return
  history.pushState(null, '', `${location.pathname}${searchOf(next)}`)
  void showAddress()
}

/** Takes over what was probably meant. */
function correct({ parameter, given, meant }) {
  const now = view[parameter]
  main.focus()
  change({ [parameter]: Array.isArray(now) ? now.map((text) => (text === given ? meant : text)) : meant })
}

/** Shows what the address says. */
async function showAddress() {
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

async function showAll(signal) {
  // First one question: whether the server is there, knows us and understands the segments; and how far the data goes.
  const isDates = view.range === 'dates'
  const [first, listed] = await Promise.all([
    askJson(pathOf('dau', { ...(isDates ? daysOf(view, {}) : {}), ...frameOf(view) }), signal),
    hasAll ? undefined : askJson('stats', signal),
  ])
  const { data_from: from, data_until: until } = first.meta
  byId('extent').textContent = until === null ? 'no events yet' : `data from ${from} to ${until}`
  if (until === null) {
    hasNumbers = false
    present([imports.element])
    notices.append(emptyNotice())
    await imports.show(first.meta, signal)
    tell('There are no events yet.')
    return
  }
  if (listed !== undefined) addOtherPanels(listed)
  present(sections)
  hasNumbers = true
  const days = daysOf(view, first.meta)
  const shown = await Promise.all([
    glance.show(view, days, signal).catch((error) => ignored(error, signal)),
    ...views.map((one) => one.show(view, days, signal)),
    imports.show(first.meta, signal),
    offerSuggestions(signal),
  ])
  if (signal.aborted) return
  const failed = shown.filter((isShown) => !isShown).length
  tell(failed === 0 ? 'All answers are shown.' : `${failed} of ${shown.length} answers could not be shown.`)
}

/** The panels say why: the numbers at the head only stay away. */
function ignored(error, signal) {
  if (!signal.aborted) glance.clear()
  return error === undefined
}

async function offerSuggestions(signal) {
  try {
    suggest(await askJson('page/suggestions', signal))
  } catch {
    // Only suggestions are missing.
  }
  return true
}

/** Shows these sections and hides the others. */
function present(wanted) {
  for (const section of sections) section.hidden = !wanted.includes(section)
}

/** The one thing that stands between the reader and all answers. */
function showRefusal(error) {
  if (error instanceof Refusal && (error.status === 401 || error.status === 403)) {
    hasNumbers = false
    present([])
    byId('key-button').hidden = knownKey() === null
    const form = keyForm(error, () => void showAddress())
    notices.replaceChildren(form.element)
    form.focus()
    tell(error.message)
    return
  }
  // A question that is written wrong says nothing against the numbers of the one before.
  const older = hasNumbers && error instanceof Refusal && error.status >= 400 && error.status < 500
  present(older ? sections : [])
  notices.append(refusalBox(error, { again: () => void showAddress(), correct, older }))
  tell(`Not shown: ${error.message}`)
}

function emptyNotice() {
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
function tell(text) {
  byId('live').textContent = text
}

watchTheme(byId('theme'))
byId('reload').addEventListener('click', () => void showAddress())
// Browsers let pages copy over TLS and on this machine only.
byId('copy-link').hidden = navigator.clipboard === undefined
byId('copy-link').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(location.href)
    tell('The address of this view is copied.')
    byId('copy-link').textContent = 'Copied'
    setTimeout(() => {
      byId('copy-link').textContent = 'Copy link'
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
