/** Generates an event log for testing. */
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../lib/cli/base-command.js'
import { outputFlag } from '../lib/cli/output.js'
import { EaError } from '../lib/core/errors.js'
import { type EventFormat, eventFormats } from '../lib/core/event.js'
import { numberFromText } from '../lib/core/field-fault.js'
import { generate } from '../lib/generate/generate.js'
import { generateDefaults as defaults, type GenerateOptions } from '../lib/generate/options.js'
import { throwUnwritable, writeWhole } from '../lib/os/atomic-file.js'
import { writeToStream } from '../lib/os/write-to-stream.js'

export default class Generate extends BaseCommand<typeof Generate> {
  static override summary = 'Generate a realistic event log for testing'
  static override description =
    `Users arrive day by day, return less and less often, and browse and buy in sessions, as in a shop. The events are in
time order (UTC). The same flags give the same bytes on every machine. Memory use does not depend on the size.

An import rejects events in the future: keep --from plus --days in the past.`
  static override examples = [
    '<%= config.bin %> generate --events 100000 --output events.csv',
    '<%= config.bin %> generate --events 10000000 --users 500000 --days 365 --output year.csv',
    '<%= config.bin %> generate --format ndjson --seed 7 | gzip > events.ndjson.gz',
  ]
  static override flags = {
    events: Flags.string({ description: 'Number of events.', helpValue: 'N', default: String(defaults.events) }),
    users: Flags.string({
      helpValue: 'N',
      description: 'Number of users, each with at least one event (default: one for every 20 events).',
    }),
    days: Flags.string({
      description: 'Number of days the log covers.',
      helpValue: 'N',
      default: String(defaults.days),
    }),
    from: Flags.string({
      description: 'The first day, for example 2025-01-31.',
      helpValue: 'DAY',
      default: defaults.from,
    }),
    'events-per-user-day': Flags.string({
      description:
        'Average number of events of a user on an active day. With fewer, the same users return on more days.',
      helpValue: 'NUMBER',
      default: String(defaults.eventsPerUserDay),
    }),
    seed: Flags.string({
      helpValue: 'N',
      description: 'Seed of the random numbers; another seed gives another log.',
      default: String(defaults.seed),
    }),
    format: Flags.string({
      description: 'Output format.',
      options: [...eventFormats],
      default: defaults.format,
    }),
    output: outputFlag(),
  }

  async run(): Promise<void> {
    const { output: file, json } = this.flags
    if (json && file === undefined) {
      throw new EaError('usage', '--json needs --output: without it, stdout is the log.', {
        suggestions: ['Add --output FILE.'],
      })
    }
    const { summary, bytes } = generate(this.options())
    if (file === undefined) {
      await writeToStream(bytes, process.stdout, this.signal).catch((error: unknown) => {
        // What stdout refuses is told where all its errors are: see `forgiveClosedPipes`.
        if ((error as NodeJS.ErrnoException).syscall !== 'write') throw error
      })
      return
    }
    const written = await this.writeFile(bytes, file)
    const { events, users, userDays, from, to } = summary
    const text = `${file}: ${events} events of ${users} users on ${userDays} user-days, ${from} to ${to}, ${written} bytes`
    if (json) await this.present({ file, events, users, user_days: userDays, from, to, bytes: written }, '')
    else this.say(text)
  }

  private options(): GenerateOptions {
    const { events, users, days, from, seed, format, 'events-per-user-day': eventsPerUserDay } = this.flags
    const numbers = Object.entries({ events, users, days, seed, eventsPerUserDay })
      .filter(([, text]) => text !== undefined)
      .map(([name, text]) => [name, numberFromText(text!)])
    return { ...Object.fromEntries(numbers), from, format: format as EventFormat }
  }

  /** Whole or not at all, so that nobody ever imports half a log. */
  private async writeFile(bytes: Iterable<Uint8Array>, file: string): Promise<number> {
    return writeWhole(file, async (path) => {
      const stream = createWriteStream(path)
      const ended = finished(stream)
      ended.catch(() => {})
      try {
        const written = await writeToStream(bytes, stream, this.signal).finally(() => stream.end())
        await ended
        return written
      } catch (error) {
        this.signal.throwIfAborted()
        return throwUnwritable(file)(error)
      }
    })
  }
}
