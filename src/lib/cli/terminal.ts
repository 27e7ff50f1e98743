/** What the terminal at the other end can show: colours, width. The only place that reads NO_COLOR and FORCE_COLOR. */

/** Whether to colour what goes to `stream`: NO_COLOR and --no-color win, FORCE_COLOR comes next, then the terminal. */
export function wantsColor(stream: { isTTY?: boolean }, argv: readonly string[] = process.argv): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (argv.includes('--no-color') || (NO_COLOR !== undefined && NO_COLOR !== '')) return false
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return stream.isTTY === true && TERM !== 'dumb'
}

/** Whether the words of a command line ask for JSON; needed for errors that come before it is parsed. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json')
}
