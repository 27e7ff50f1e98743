/**
 * The server, asked with the key that was typed. The key lives in the memory of this tab (sessionStorage), goes out in a
 * header, and is never part of an address. Paths are relative: the server may be behind a proxy below a path of its own.
 */
import type { AnyParams, Correction, Problem } from './answers.js'

const keyName = 'ea-key'

/** The key of this tab, or null. */
export function knownKey(): string | null {
  return sessionStorage.getItem(keyName)
}

/** Remembers a key for as long as the tab is open; null forgets it. */
export function rememberKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(keyName)
  else sessionStorage.setItem(keyName, key)
}

/** A failed request: what the server says of it, or that there is no server. */
export class Refusal extends Error {
  readonly status: number
  readonly suggestions: readonly string[]
  readonly corrections: readonly Correction[]
  readonly code: string | undefined
  readonly instance: string | undefined
  readonly retryAfter: number

  constructor({
    detail,
    status,
    code,
    suggestions = [],
    corrections = [],
    instance,
    retryAfter = Number.NaN,
  }: Problem) {
    super(detail)
    this.status = status
    this.code = code
    this.suggestions = suggestions
    this.corrections = corrections
    this.instance = instance
    this.retryAfter = retryAfter
  }
}

/**
 * The path of a question.
 *
 * @example
 * pathOf('dau', { segment: ['event_type:purchase'] }) // 'stats/dau?segment=event_type%3Apurchase'
 */
export function pathOf(stat: string, params: AnyParams): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue
    for (const text of [value].flat()) query.append(name, String(text))
  }
  const text = query.toString()
  return `stats/${stat}${text === '' ? '' : `?${text}`}`
}

/** The same question in another form. */
export function inForm(path: string, params: Readonly<Record<string, string>>): string {
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(params)}`
}

/** How often a server that is busy is asked again, and the longest time between, in seconds. */
const maxRetries = 4
const maxWait = 5

/**
 * Asks; a server that is busy is asked again after the time that it names.
 *
 * @param path relative to the page
 * @throws Refusal when that does not help, and for whatever else is not an answer
 */
export async function ask(path: string, signal?: AbortSignal): Promise<Response> {
  for (let retries = 0; ; retries++) {
    try {
      return await askOnce(path, signal)
    } catch (error) {
      const { code = '', retryAfter = Number.NaN } = error instanceof Refusal ? error : {}
      const isBusy = ['server_busy', 'rate_limited'].includes(code)
      if (!isBusy || retries === maxRetries || !(retryAfter <= maxWait)) throw error
      await new Promise((resolve) => setTimeout(resolve, retryAfter * 1000))
      signal?.throwIfAborted()
    }
  }
}

async function askOnce(path: string, signal: AbortSignal | undefined): Promise<Response> {
  const key = knownKey()
  let response: Response
  try {
    response = await fetch(new URL(path, document.baseURI), {
      ...(signal && { signal }),
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

/**
 * The same as JSON.
 *
 * @typeParam T what the route answers
 */
export async function askJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, signal)
  return response.json() as Promise<T>
}

async function problemOf(response: Response): Promise<Problem> {
  const { status } = response
  try {
    if (/json/.test(response.headers.get('content-type') ?? '')) {
      const { detail, ...rest } = (await response.json()) as Partial<Problem>
      const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
      return { ...rest, status, retryAfter, detail: String(detail ?? `The server answered ${status}.`) }
    }
  } catch {
    // What says it is JSON and is not: a proxy's.
  }
  const answered = `The server, or a proxy in front of it, answered ${status} ${response.statusText}`
  return { status, detail: `${answered.trim()}.` }
}

/**
 * Makes a link save an answer as a file. Without a key a plain link will do; with one the page asks, because a link has no
 * headers.
 *
 * @param refused told why there is no file
 */
export function saves(link: HTMLAnchorElement, refused: (error: unknown) => void): HTMLAnchorElement {
  link.addEventListener('click', async (event) => {
    if (knownKey() === null) return
    event.preventDefault()
    try {
      const response = await ask(link.href)
      const saved = document.createElement('a')
      saved.href = URL.createObjectURL(await response.blob())
      saved.download = link.download
      saved.click()
      setTimeout(() => URL.revokeObjectURL(saved.href), 60_000)
    } catch (error) {
      refused(error)
    }
  })
  return link
}
