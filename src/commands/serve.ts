/** `ea serve`: the same answers over HTTP, and events in. */
import { BaseCommand } from '../lib/cli/base-command.js'
import { whileColumnsFollow } from '../lib/cli/columns/follow-columns.js'
import { failureLine } from '../lib/cli/failure.js'
import { logLine } from '../lib/cli/log-line.js'
import { serveFlags, serveOptions } from '../lib/cli/serve/serve-flags.js'
import { endInTime, untilAborted } from '../lib/cli/serve/serve-signals.js'
import { spoolDirOf } from '../lib/cli/serve/spool-flags.js'
import { wantsJson } from '../lib/cli/terminal.js'
import type { EaError } from '../lib/core/errors.js'

export default class Serve extends BaseCommand<typeof Serve> {
  static override summary = 'Serve the same answers over HTTP, and receive events'
  static override description = [
    'GET / is a page with charts for browsers, GET /stats/<stat> answers like `ea stats`, POST /events and /collect receive events, /docs documents all of it. Events that were answered with 200, 202 or 207 are stored. While the database is unavailable, they wait in a spool on disk (`ea spool`).',
    'On 127.0.0.1 any program on this machine can use it until the first key is created (`ea keys create`). On any other address it requires keys or tokens, or refuses to start. It does not serve TLS; put a proxy in front of it.',
    'On Ctrl-C or SIGTERM it finishes the requests it has accepted and exits with 0. It prints its URL to stdout when it listens, and its log to stderr: JSON lines, one per request, its warnings and errors among them.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> serve',
    '<%= config.bin %> serve --host 0.0.0.0 --port 80 --trust-proxy 10.0.0.0/8',
    '<%= config.bin %> serve --cors-origin https://shop.example',
    '<%= config.bin %> serve --jwt-jwks-url https://id.example/jwks --jwt-issuer https://id.example --jwt-audience ea --jwt-algorithms RS256',
  ]
  static override flags = serveFlags

  async run(): Promise<void> {
    const { flags } = this
    // Loaded only here: help and the manifest need nothing of it.
    const { withServer } = await import('../lib/serve/server.js')
    const options = await serveOptions(flags, await spoolDirOf(flags['spool-dir'], () => this.settings()))
    const logTo = { write: (line: string) => void process.stderr.write(line) }
    const serve = (url: string, isOpen: boolean) => {
      if (isOpen) this.caution(`No key is required: anyone who can reach ${url} can read and write the events.`)
      if (process.stderr.isTTY)
        this.say(`Open ${url} in a browser; the documentation is at ${url}/docs. Ctrl-C ends the server.`)
      return this.present({ url }, url)
    }
    await this.withDatabase(
      (db) =>
        whileColumnsFollow(
          db,
          (text) => this.caution(text),
          () =>
            withServer(
              db,
              options,
              async ({ url, isOpen }) => {
                await serve(url, isOpen)
                await untilAborted(this.signal)
                endInTime()
              },
              { logTo },
            ),
        ),
      { access: 'create', maxConnections: 8 },
    )
  }

  /** Its warnings are lines of its log. */
  protected override caution(message: string): void {
    this.warnings.push(message)
    const { 'log-level': level } = this.flags
    if (wantsJson(this.argv) || level === 'error' || level === 'silent') return
    process.stderr.write(logLine('warn', message))
  }

  /** As is the error that ends it, for whoever reads that log; a person at a terminal reads it as of any command. */
  protected override fail(error: EaError): void {
    if (wantsJson(this.argv) || process.stderr.isTTY) super.fail(error)
    else {
      process.exitCode = error.exitCode
      process.stderr.write(failureLine(error))
    }
  }

  /** A server that was asked to stop and did has done what it was asked to: 0, where others say 130 or 143. */
  override async finally(): Promise<void> {}
}
