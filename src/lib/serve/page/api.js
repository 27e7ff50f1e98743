/**
 * The server, asked with the key that was typed. The key lives in the memory of this tab (sessionStorage), goes out in a
 * header, and never stands in an address. Paths are relative: the server may stand behind a proxy below a path of its own.
 */

const keyName = 'ea-key'

/** The key of this tab, or null. */
export function knownKey() {
  return sessionStorage.getItem(keyName)
}

/** Remembers a key for as long as the tab is open; null forgets it. */
export function rememberKey(key) {
  if (key === null) sessionStorage.removeItem(keyName)
  else sessionStorage.setItem(keyName, key)
}

/** An answer that is none: what the server says of it, or that there is no server. */
export class Refusal extends Error {
  /**
   * @param {{ status: number, detail: string, suggestions?: string[], code?: string, instance?: string,
   *   corrections?: { parameter: string, given: string, meant: string }[], retryAfter?: number }} problem
   *   retryAfter: seconds
   */
  constructor(problem) {
    super(problem.detail)
    this.status = problem.status
    this.suggestions = problem.suggestions ?? []
    this.code = problem.code
    this.corrections = problem.corrections ?? []
    this.instance = problem.instance
    this.retryAfter = problem.retryAfter
  }
}

/**
 * The path of a question.
 *
 * @param {string} stat
 * @param {Record<string, string | number | string[] | undefined>} params
 * @example
 * pathOf('dau', { segment: ['event_type:purchase'] }) // 'stats/dau?segment=event_type%3Apurchase'
 */
export function pathOf(stat, params) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue
    for (const text of [value].flat()) query.append(name, String(text))
  }
  const text = query.toString()
  return `stats/${stat}${text === '' ? '' : `?${text}`}`
}

/** The same question in another form. */
export function inForm(path, params) {
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(params)}`
}

/** How often a server that is busy is asked again, and the longest time between, in seconds. */
const maxRetries = 4
const maxWait = 5

/**
 * Asks; a server that is busy is asked again after the time that it names. Throws a Refusal when that does not help, and
 * for whatever else is not an answer.
 *
 * @param {string} path relative to the page
 * @param {AbortSignal} [signal]
 */
export async function ask(path, signal) {
  for (let retries = 0; ; retries++) {
    try {
      return await askOnce(path, signal)
    } catch (error) {
      const isBusy = error instanceof Refusal && ['server_busy', 'rate_limited'].includes(error.code)
      if (!isBusy || retries === maxRetries || !(error.retryAfter <= maxWait)) throw error
      await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000))
      signal?.throwIfAborted()
    }
  }
}

async function askOnce(path, signal) {
  const key = knownKey()
  let response
  try {
    response = await fetch(new URL(path, document.baseURI), {
      signal,
      credentials: 'same-origin',
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Refusal({
      status: 0,
      detail: 'The server cannot be reached.',
      suggestions: ['Check that `ea serve` is running, then try again.'],
    })
  }
  if (response.ok) return response
  throw new Refusal(await problemOf(response))
}

/** The same as JSON. */
export async function askJson(path, signal) {
  const response = await ask(path, signal)
  return response.json()
}

async function problemOf(response) {
  const { status } = response
  try {
    if (/json/.test(response.headers.get('content-type') ?? '')) {
      const { detail, ...rest } = await response.json()
      const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
      return { ...rest, status, retryAfter, detail: String(detail ?? `The server answered ${status}.`) }
    }
  } catch {
    // What says it is JSON and is not: a proxy's.
  }
  return {
    status,
    detail: `The server, or a proxy in front of it, answered ${status} ${response.statusText}`.trim() + '.',
  }
}

/**
 * Saves an answer as a file. A plain link will do without a key; with one the page has to ask, because a link has no headers.
 *
 * @param {string} path
 * @param {string} name of the file
 */
export async function download(path, name) {
  const response = await ask(path)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
