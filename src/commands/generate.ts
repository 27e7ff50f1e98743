/** Makes a log of events to try things with. */
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { Flags } from '@oclif/core'
import { BaseCommand } from '../lib/cli/base-command.js'
import { outputFlag } from '../lib/cli/output.js'
import { EaError } from '../lib/errors.js'
import { generate } from '../lib/generate/generate.js'
import {
  generateDefaults as defaults,
  type GenerateOptions,
  type LogFormat,
  logFormats,
} from '../lib/generate/options.js'
import { pour } from '../lib/generate/pour.js'
import { throwUnwritable, writeWhole } from '../lib/whole-file.js'

export default class Generate extends BaseCommand<typeof Generate> {
  static override summary = 'Make a realistic log of events to try things with'
  static override description =
    `Users arrive day by day, come back less and less, and do in sessions what people do in a shop. The events stand in
the order of time (UTC). The same flags give the same bytes on every machine, whatever the size: memory stays flat.

Remember that an import rejects events of the future: keep --from plus --days in the past.`
  static override examples = [
    '<%= config.bin %> generate --events 100000 --output events.csv',
    '<%= config.bin %> generate --events 10000000 --users 500000 --days 365 --output year.csv',
    '<%= config.bin %> generate --format ndjson --seed 7 | gzip > events.ndjson.gz',
  ]
  static override flags = {
    events: Flags.integer({ description: 'How many events, exactly.', default: defaults.events }),
    users: Flags.integer({
      description: 'How many users, each with at least one event; one for 20 events when left out.',
    }),
    days: Flags.integer({ description: 'How many days the log spans.', default: defaults.days }),
    from: Flags.string({
      description: 'The first day, as 2025-01-31.',
      helpValue: 'DAY',
      default: defaults.from,
    }),
    'events-per-user-day': Flags.string({
      description: 'About how many events a user has on an active day. Fewer: the same users return on more days.',
      helpValue: 'NUMBER',
      default: String(defaults.eventsPerUserDay),
    }),
    seed: Flags.integer({ description: 'Another seed, another log.', default: defaults.seed }),
    format: Flags.string({
      description: 'How an event is written.',
      options: [...logFormats],
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
      await pour(bytes, process.stdout, this.signal).catch((error: unknown) => {
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
    const { events, users, days, from, seed, format, 'events-per-user-day': perDay } = this.flags
    return {
      ...{ events, days, from, seed, format: format as LogFormat, eventsPerUserDay: Number(perDay) },
      ...(users === undefined ? {} : { users }),
    }
  }

  /** Whole or not at all, so that nobody ever imports half a log. */
  private async writeFile(bytes: Iterable<Uint8Array>, file: string): Promise<number> {
    return writeWhole(file, async (path) => {
      const stream = createWriteStream(path)
      const ended = finished(stream)
      ended.catch(() => {})
      try {
        const written = await pour(bytes, stream, this.signal).finally(() => stream.end())
        await ended
        return written
      } catch (error) {
        this.signal.throwIfAborted()
        return throwUnwritable(file)(error)
      }
    })
  }
}
