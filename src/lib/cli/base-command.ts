/**
 * What every command shares: the global flags, the configuration made of them, the database as a bracket, output that
 * is the same with and without `--json`, and errors with their exit codes. A command itself is read, ask, show:
 * plain values from `this.flags`, one call of the library, one `this.show` or `this.present`.
 *
 *   argv ─ flags ─ settings ─ database ─ library ─ stdout (answer), stderr (talk), exit code
 */
import { Command, Flags, type Interfaces } from '@oclif/core'
import type { Config } from '../core/config.js'
import { EaError } from '../core/errors.js'
import type { Result } from '../core/result.js'
import type { Database } from '../db/connect.js'
import type { OpenOptions } from '../db/open.js'
import { defaultFormat, type Format, type RenderOptions } from '../present/tables/formats.js'
import { asEaError, showFailure } from './failure.js'
import { writeOutput } from './output.js'
import { interruption } from './signals.js'
import { stdoutOptions, wantsColor, wantsJson } from './terminal.js'

/** The flags of a command as parsed, global ones included. */
export type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<(typeof BaseCommand)['baseFlags'] & T['flags']>
/** The arguments of a command as parsed. */
export type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>

/**
 * The base of every command.
 *
 * @example
 * export default class Greet extends BaseCommand<typeof Greet> {
 *   static override summary = 'Count the events'
 *   static override examples = ['<%= config.bin %> greet']
 *   async run() {
 *     const events = await this.withDatabase((db) => countEvents(db))
 *     await this.present({ events }, `${events} events`)
 *   }
 * }
 */
export abstract class BaseCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    'database-url': Flags.string({
      description: 'PostgreSQL to use instead of the embedded one (or DATABASE_URL).',
      helpGroup: 'GLOBAL',
      helpValue: 'URL',
    }),
    schema: Flags.string({
      description: 'Schema that contains the tables (or EA_SCHEMA).',
      helpGroup: 'GLOBAL',
      helpValue: 'NAME',
    }),
    'data-dir': Flags.string({
      description: 'Folder of the embedded PostgreSQL (or EA_DATA_DIR).',
      helpGroup: 'GLOBAL',
      helpValue: 'DIR',
    }),
    json: Flags.boolean({ description: 'Print JSON, errors too, on stdout.', helpGroup: 'GLOBAL' }),
    quiet: Flags.boolean({
      char: 'q',
      description: 'Print nothing on stderr but errors and warnings.',
      helpGroup: 'GLOBAL',
    }),
    'no-color': Flags.boolean({
      description: 'No colours (or NO_COLOR; FORCE_COLOR does the opposite).',
      helpGroup: 'GLOBAL',
    }),
  }

  protected flags!: FlagsOf<T>
  protected args!: ArgsOf<T>
  #defaults: ReadonlySet<string> = new Set()
  /** What `this.caution` collected; goes into `meta.warnings` under --json. */
  protected readonly warnings: string[] = []

  /** Whether somebody gave a flag: its value is not its default. */
  protected isGiven(flag: keyof FlagsOf<T> & string): boolean {
    return this.flags[flag] !== undefined && !this.#defaults.has(flag)
  }

  /** Aborts on Ctrl-C or a polite kill: hand it to work that runs long. */
  protected get signal(): AbortSignal {
    return interruption
  }

  /** The flags that decide where the data is, checked. */
  protected async settings(): Promise<Config> {
    const { parseConfig } = await import('../core/config.js')
    const flags = this.globalFlags
    const { 'database-url': databaseUrl, schema, 'data-dir': dataDir } = flags
    return parseConfig({ databaseUrl, schema, dataDir, defaultDataDir: this.config.dataDir }, process.env)
  }

  /**
   * The settings of a command that is about the embedded server.
   *
   * @throws EaError `usage` when an external database is configured
   */
  protected async embeddedSettings(): Promise<Config> {
    const settings = await this.settings()
    if (settings.databaseUrl === undefined) return settings
    throw new EaError('usage', 'This is for the embedded PostgreSQL, but an external one is configured.', {
      suggestions: ['Unset DATABASE_URL and leave out --database-url.'],
    })
  }

  /**
   * Opens the database that the flags name, hands it to `use`, and closes it whatever happens.
   *
   * @param options.access what the command does with the schema; only to read it when absent
   */
  protected async withDatabase<R>(use: (db: Database) => Promise<R>, options: OpenOptions = {}): Promise<R> {
    const { withDatabase } = await import('../db/open.js')
    this.signal.throwIfAborted()
    const { 'lock-timeout': lockTimeout } = this.flags as { 'lock-timeout'?: number | undefined }
    return withDatabase(await this.settings(), use, {
      access: 'read',
      applicationName: `ea ${this.id ?? ''}`.trim(),
      lockTimeoutMs: lockTimeout,
      onWarning: (text) => this.caution(text),
      onBlocked: (text) => this.caution(text),
      ...options,
    })
  }

  /**
   * Prints an answer: `value` under --json, else `text`. Warnings join `value.meta.warnings`.
   *
   * @param text what a person reads, without the last line break; nothing is printed when it is empty
   */
  protected async present(value: object, text: string): Promise<void> {
    if (!wantsJson(this.argv)) {
      if (text !== '') await this.print(`${text}\n`)
      return
    }
    const meta = (value as { meta?: { warnings?: string[] } }).meta
    const whole =
      this.warnings.length === 0
        ? value
        : { ...value, meta: { ...meta, warnings: [...(meta?.warnings ?? []), ...this.warnings] } }
    await this.print(`${JSON.stringify(whole, null, 2)}\n`)
  }

  /** Prints a Result in the format that `--format` (see `outputFlags`) or `--json` asks for, to stdout or `--output`. */
  protected async show(result: Result): Promise<void> {
    const { output } = this.flags as { output?: string }
    const format = this.answerFormat()
    const options = this.answerOptions()
    const { render } = await import('../present/tables/render.js')
    const warnings = (result.meta.warnings as string[] | undefined) ?? []
    if (format === 'json') {
      const meta = { ...result.meta, warnings: [...warnings, ...this.warnings] }
      return this.print(await render({ ...result, meta }, format, options), output)
    }
    for (const warning of warnings) this.caution(warning)
    if (options.isTty && format === 'table') {
      const { caption } = await import('../present/tables/caption.js')
      for (const line of caption(result, options.width)) this.say(line)
    }
    await this.print(await render(result, format, options), output)
  }

  /**
   * The format that `--format` or `--json` asks for.
   *
   * @throws EaError `usage` when they disagree
   */
  protected answerFormat(): Format {
    const { format: asked } = this.flags as { format?: string }
    const { json } = this.globalFlags
    if (json && asked !== undefined && asked !== 'json') {
      throw new EaError('usage', `--json and --format ${asked} cannot be combined.`, {
        suggestions: [`Leave out --json, or --format ${asked}.`],
      })
    }
    return json ? 'json' : ((asked ?? defaultFormat) as Format)
  }

  /** How an answer is rendered for where it goes. */
  protected answerOptions(): RenderOptions {
    const { output } = this.flags as { output?: string }
    return output === undefined ? stdoutOptions(this.argv) : { color: false, isTty: false, width: 0 }
  }

  /** Talk for a person, on stderr; silent with --quiet and --json. */
  protected say(text: string): void {
    if (!this.globalFlags.quiet && !wantsJson(this.argv)) process.stderr.write(`${text}\n`)
  }

  /** A warning: on stderr, and under --json in `meta.warnings` of what is presented. */
  protected caution(message: string): void {
    this.warnings.push(message)
    if (wantsJson(this.argv)) return
    const label = wantsColor(process.stderr, this.argv) ? '\u001b[33mwarning:\u001b[0m' : 'warning:'
    process.stderr.write(`${label} ${message}\n`)
  }

  /** Writes to stdout, or whole or not at all to a file. */
  protected async print(text: string, file?: string): Promise<void> {
    await writeOutput(text, file)
  }

  protected get globalFlags(): Interfaces.InferredFlags<(typeof BaseCommand)['baseFlags']> {
    return this.flags as Interfaces.InferredFlags<(typeof BaseCommand)['baseFlags']>
  }

  override async init(): Promise<void> {
    await super.init()
    const { args, flags, metadata } = await this.parse({
      flags: this.ctor.flags,
      baseFlags: BaseCommand.baseFlags,
      args: this.ctor.args,
      strict: this.ctor.strict,
    })
    this.flags = flags as FlagsOf<T>
    this.args = args as ArgsOf<T>
    this.#defaults = new Set(Object.keys(flags).filter((name) => metadata.flags[name]?.setFromDefault))
    this.signal.throwIfAborted()
  }

  /** Shows the error that ends the command, and sets the exit code. */
  protected fail(error: EaError): void {
    showFailure(error, this.argv)
  }

  /** oclif's exit codes differ with and without --json; these do not. */
  override async catch(error: Error): Promise<void> {
    this.fail(await asEaError(error, { ...BaseCommand.baseFlags, ...this.ctor.flags }))
  }

  /** A command that was asked to end, and then succeeded all the same, still tells its caller that it was asked. */
  override async finally(error: Error | undefined): Promise<void> {
    if (error === undefined && this.signal.aborted) process.exitCode = (this.signal.reason as EaError).exitCode
  }
}
