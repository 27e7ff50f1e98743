/**
 * Where `ea` begins: signals, the words before any command (`--version`, `help`), and every error that no command has
 * caught. Imports as little as it can: what stands here is paid by each start.
 */
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Interfaces } from '@oclif/core'
import { EaError } from '../core/errors.js'
import { asEaError, failureLine, failureText, showFailure } from './failure.js'
import { forgiveClosedPipes, watchSignals } from './signals.js'
import { unknownCommand } from './unknown-command.js'

/**
 * Runs one command line and sets `process.exitCode`; never throws.
 *
 * @param importMetaUrl of the script in `bin/`, from which the package is found
 * @param argv the words after the program's name
 * @param options.commands where the commands lie, relative to the package, when not where package.json says
 */
export async function run(
  importMetaUrl: string,
  argv: readonly string[],
  options: { commands?: string } = {},
): Promise<void> {
  watchSignals()
  forgiveClosedPipes((error) => tellThatOutputFailed(error, argv))
  try {
    if (versionWords.includes(argv[0] ?? '')) return await showVersion(importMetaUrl)
    const oclif = await loadOclif()
    const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
    const config = await loadConfig(oclif, importMetaUrl, words, options.commands)
    try {
      await oclif.run(words, config)
    } catch (error) {
      throw notFound(error, [...config.commandIDs, completion], words) ?? error
    }
  } catch (error) {
    showFailure(await asEaError(error), argv)
  }
}

/** However it is asked for; `-v` and `version` are what other programs take. */
const versionWords = ['--version', '-v', '-V', 'version']

/** oclif listens to the errors of stdout too, and throws them: `forgiveClosedPipes` is enough. */
async function loadOclif(): Promise<typeof import('./oclif.js')> {
  const listeners = process.stdout.listeners('error')
  const oclif = await import('./oclif.js')
  for (const listener of process.stdout.listeners('error')) {
    if (!listeners.includes(listener)) process.stdout.off('error', listener as () => void)
  }
  return oclif
}

/** On stderr also under --json: it is stdout that fails. */
function tellThatOutputFailed(cause: Error, argv: readonly string[]): void {
  const error = new EaError('output_unwritable', `standard output cannot be written: ${cause.message}`, {
    suggestions: ['Check that its disk has free space.'],
  })
  process.exitCode = error.exitCode
  process.stderr.write(argv[0] === 'serve' ? failureLine(error) : failureText(error, false))
}

/** The command of the plugin, see docs/decisions/start-time.md. */
const completion = 'autocomplete'

async function loadConfig(
  oclif: typeof import('./oclif.js'),
  importMetaUrl: string,
  [word = '-']: readonly string[],
  commands?: string,
) {
  const root = dirname(dirname(fileURLToPath(importMetaUrl)))
  const pjson = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as Interfaces.PJSON
  // Finding a plugin is paid by each start: only where it is asked for, and where all commands are listed.
  const plugins = word === completion || word.startsWith('-') ? (pjson.oclif.plugins ?? []) : []
  const own = commands === undefined ? {} : { commands }
  return oclif.Config.load({
    root,
    pjson: { ...pjson, oclif: { ...pjson.oclif, plugins, ...own } },
    ignoreManifest: commands !== undefined,
  })
}

async function showVersion(importMetaUrl: string): Promise<void> {
  const { version } = JSON.parse(await readFile(new URL('../package.json', importMetaUrl), 'utf8')) as {
    version: string
  }
  process.stdout.write(`ea ${version} (${process.platform}-${process.arch}, Node ${process.versions.node})\n`)
}

/** oclif's "command a:b not found" as a usage error, or undefined for other errors. */
function notFound(error: unknown, ids: readonly string[], argv: readonly string[]): EaError | undefined {
  const id = error instanceof Error ? /^command (.+) not found\.?$/i.exec(error.message)?.[1] : undefined
  if (id === undefined) return undefined
  const words = argv.filter((word) => !word.startsWith('-'))
  return unknownCommand(
    words.length > 0 ? words : id.split(':'),
    [...ids, 'version'].map((name) => name.replaceAll(':', ' ')),
  )
}
