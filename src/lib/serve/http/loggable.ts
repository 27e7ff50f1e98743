/**
 * What of a request and of an error may be written down: the words of the interface, and never the values of events or
 * keys, which stand in queries and in what the database says of a value that it refuses.
 */

/** Parameters that hold no values of events: days, words of the interface, numbers. */
const plainParameters: ReadonlySet<string> = new Set([
  ...[
    'from',
    'to',
    'from_date',
    'to_date',
    'start_date',
    'as_of',
    'tz',
    'week_start',
    'grain',
    'window_type',
    'windows',
  ],
  ...['measure', 'limit', 'unique_users', 'cohort', 'mode', 'clock', 'min_return_events', 'window', 'order'],
  ...['format', 'width', 'colors', 'page_size'],
])

/** As such parameters are written; what is longer or has other characters was meant as something else. */
const plainValue = /^[\w.:+/-]{0,40}$/

/**
 * A URL for the log: of the query the names stay, and the values of parameters that hold no events.
 *
 * @example
 * loggableUrl('/stats/dau?grain=week&segment=user_id:ann') // '/stats/dau?grain=week&segment=…'
 */
export function loggableUrl(url: string): string {
  const query = url.indexOf('?')
  if (query === -1) return url
  return `${url.slice(0, query)}?${url
    .slice(query + 1)
    .split('&')
    .map(loggablePair)
    .join('&')}`
}

function loggablePair(pair: string): string {
  const [name = '', value] = pair.split(/=(.*)/s).map(decoded)
  if (!isName(name)) return name === '' && value === undefined ? '' : '…'
  if (value === undefined) return name
  return plainParameters.has(name) && plainValue.test(value) ? `${name}=${value}` : `${name}=…`
}

/** As the server reads it: what `%6bey` hides from a log must not be hidden from us. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Not more than a name: what is escaped or long may be anything. */
function isName(text: string): boolean {
  return /^[\w-]{1,40}$/.test(text)
}

/** What an error says, without the value that it says it of: PostgreSQL quotes it. */
export function withoutValues(text: string): string {
  return text.replace(/(: |value |near )"[^\n]*"/g, '$1"…"')
}
