/** `ea spool drain`: stores what a server that runs no more has kept. */
import { Flags } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { spoolDirFlag, spoolDirOf } from '../../lib/cli/serve/spool-flags.js'
import { deadText, drainedJson, drainedText, spoolEventText } from '../../lib/cli/serve/spool-text.js'
import { requireTimeZone } from '../../lib/cli/time-zone.js'
import { deliverPart } from '../../lib/ingest/deliver.js'
import { drainSpool } from '../../lib/ingest/spool/drain.js'
import type { OnSpoolEvent } from '../../lib/ingest/spool/events.js'
import { withSpool } from '../../lib/ingest/spool/spool.js'
import { isOutOfTime, isUnavailable } from '../../lib/ingest/unavailable.js'
import { serveDefaults } from '../../lib/serve/http/options.js'

export default class SpoolDrain extends BaseCommand<typeof SpoolDrain> {
  static override summary = 'Store the events that are waiting for the database'
  static override description =
    'A running server does this itself; this command then exits 75. Events that the database refuses permanently become dead letters.'
  static override examples = ['<%= config.bin %> spool drain', '<%= config.bin %> spool drain --timezone Europe/Kyiv']
  static override flags = {
    ...spoolDirFlag,
    timezone: Flags.string({
      description: 'Time zone of times without an offset. Use the same value as `ea serve --timezone`.',
      helpValue: 'ZONE',
      default: serveDefaults.timezone,
    }),
  }

  async run(): Promise<void> {
    const timezone = requireTimeZone(this.flags.timezone, '--timezone')
    const folder = await spoolDirOf(this.flags['spool-dir'], () => this.settings())
    const onEvent: OnSpoolEvent = (event) => {
      const text = spoolEventText(event)
      if (text !== undefined) this.say(text)
    }
    const drained = await this.withDatabase(
      (db) =>
        withSpool(
          folder,
          (spool) =>
            drainSpool(
              spool,
              async (part) => {
                await deliverPart(db, part, timezone)
              },
              { signal: this.signal, isAway: isUnavailable, isOutOfTime, onEvent },
            ),
          { onEvent },
        ),
      { access: 'write' },
    )
    if (drained.buried > 0 && this.flags.json) this.caution(deadText(drained.buried))
    await this.present(drainedJson(folder, drained), drainedText(drained))
  }
}
