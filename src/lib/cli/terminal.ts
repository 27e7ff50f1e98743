/** What the terminal at the other end can show: colours, width. The only place that reads NO_COLOR and FORCE_COLOR. */
import type { RenderOptions } from '../present/tables/formats.js'

/** Whether to colour what goes to `stream`: NO_COLOR and --no-color win, FORCE_COLOR comes next, then the terminal. */
export function wantsColor(stream: { isTTY?: boolean }, argv: readonly string[] = process.argv): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  if (argv.includes('--no-color') || (NO_COLOR !== undefined && NO_COLOR !== '')) return false
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return stream.isTTY === true && TERM !== 'dumb'
}

/** Whether the terminal draws more than ASCII: one whose locale says so, and not the console of a kernel. */
function showsUnicode(): boolean {
  const { TERM, LC_ALL, LC_CTYPE, LANG } = process.env
  if (TERM === 'linux' || TERM === 'dumb') return false
  return process.platform === 'win32' || /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}

/** Whether stderr can show a spinner. A terminal without a width (`script`, some containers) would have ora clear an endless number of lines. */
export function canSpin(): boolean {
  return process.stderr.isTTY === true && process.stderr.columns > 0 && process.env.TERM !== 'dumb'
}

/** What a renderer may know about stdout. */
export function stdoutOptions(argv: readonly string[]): RenderOptions {
  const isTty = process.stdout.isTTY === true
  const color = wantsColor(process.stdout, argv)
  return { color, isTty, width: process.stdout.columns ?? 80, unicode: !isTty || showsUnicode() }
}

/** Whether the words of a command line ask for JSON; needed for errors that come before it is parsed. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json')
}
