/**
 * Whose web pages may send events: which origins are listed, which is the server's own, and which are foreign. A browser
 * says where a page comes from; what is no browser says nothing, and is not meant here.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { EaError } from '../../core/errors.js'

/** Origins as `--cors-origin` lists them. */
export interface Origins {
  /** Whether every page may send, because `*` is listed. */
  readonly isAny: boolean
  /** Whether an origin is listed by its name or by a pattern other than `*`. */
  isListed(origin: string): boolean
}

/** Schemes of which no page is, or whose pages say `null` instead of an origin. */
const schemesWithoutPages = ['file', 'ftp', 'ws', 'wss', 'data', 'blob', 'about', 'javascript']

/**
 * Reads what is listed: an origin as browsers send it, `scheme://*.example.com` for every name below one, or `*`.
 *
 * @throws EaError `usage` for what no origin can match
 * @example
 * originsOf(['https://*.shop.example']).isListed('https://www.shop.example') // true
 */
export function originsOf(patterns: readonly string[]): Origins {
  const tests = patterns.filter((text) => text !== '*').map(testOf)
  return { isAny: patterns.includes('*'), isListed: (origin) => tests.some((matches) => matches(origin)) }
}

function testOf(text: string): (origin: string) => boolean {
  const [, scheme, wildcard, rest] = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^*]+)$/.exec(text) ?? []
  // What stands for the wildcard is a label like any other.
  if (scheme === undefined || !isOrigin(`${scheme}://${wildcard === undefined ? '' : 'x.'}${rest}`))
    throw unusable(text)
  if (wildcard === undefined) return (origin) => origin === text
  const [before, behind] = [`${scheme}://`, `.${rest}`]
  return (origin) =>
    origin.startsWith(before) &&
    origin.endsWith(behind) &&
    /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(origin.slice(before.length, -behind.length))
}

/** Whether a browser sends this for some page: small letters, no path, no port that is the scheme's own. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { origin, protocol } = new URL(text)
  if (['http:', 'https:'].includes(protocol)) return origin === text
  // Of apps and of extensions of browsers, such as capacitor://localhost.
  return !schemesWithoutPages.includes(protocol.slice(0, -1)) && /^[a-z0-9+.-]+:\/\/[a-z0-9._-]+(:\d+)?$/.test(text)
}

function unusable(text: string): EaError {
  const origin = URL.canParse(text) ? new URL(text).origin : 'null'
  const isNear = origin !== 'null' && origin !== text && !text.includes('*') && isOrigin(origin)
  return new EaError('usage', `--cors-origin must be an origin as browsers send it, not ${JSON.stringify(text)}.`, {
    suggestions: [
      isNear ? `--cors-origin ${origin}` : '--cors-origin https://shop.example',
      "Every name below one: --cors-origin 'https://*.shop.example'; every page: --cors-origin '*'.",
    ],
  })
}

/** What is known of a request that may come from a page. */
export interface PageRequest {
  readonly headers: IncomingHttpHeaders
  /** The name and port that it asks for; those of a proxy that is trusted. */
  readonly host: string
  readonly protocol: string
}

/**
 * Refuses what a page sends that may not: a page can send a text without its browser asking here first.
 *
 * @throws EaError `origin_refused`
 */
export function refuseForeignPages(request: PageRequest, { isAny, isListed }: Origins): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (isAny || site === 'same-origin') return
  if (origin === undefined) {
    if (site === 'cross-site') throw refused('A page of another website', [])
    return
  }
  if (isListed(origin) || isOwn(origin, request)) return
  const isNamed = origin !== 'null' && isOrigin(origin)
  throw refused(isNamed ? `A page of ${origin}` : 'A page that hides where it comes from', isNamed ? [origin] : [])
}

/**
 * The server speaks no TLS itself, so its pages may be of https all the same, unless a proxy that is trusted says which
 * it is.
 */
function isOwn(origin: string, { host, protocol }: PageRequest): boolean {
  const schemes = protocol === 'https' ? ['https'] : ['http', 'https']
  return schemes.some((scheme) => {
    const own = `${scheme}://${host}`
    return URL.canParse(own) && new URL(own).origin === origin
  })
}

function refused(who: string, origins: readonly string[]): EaError {
  return new EaError('origin_refused', `${who} may not send events here.`, {
    ...(origins.length > 0 ? { suggestions: [`Start the server with --cors-origin ${origins.join()}.`] } : {}),
  })
}
