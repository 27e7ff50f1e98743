/** `ea db verify`: holds the rollups against the events, and on request the events against their files. */
import { Args, Flags } from '@oclif/core'
import { contentText, differingText } from '../../lib/cli/admin/content-text.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { lockTimeoutFlag } from '../../lib/cli/lock-flags.js'
import { verifiedText } from '../../lib/cli/rollups/rollup-text.js'
import { EaError } from '../../lib/core/errors.js'
import { verifyRollups } from '../../lib/rollups/verify.js'

export default class DbVerify extends BaseCommand<typeof DbVerify> {
  static override summary = 'Recompute the rollups and report every difference'
  static override description = [
    'Writes nothing; a difference is a bug (exit 1), and `ea db rebuild` repairs it.',
    'With --content, events are also compared with the files that they were imported from: those that are still where they were, or those that are named. A file must have the content that was imported. Its records are read value by value, not by the fast way of an import.',
  ].join('\n\n')
  static override examples = [
    '<%= config.bin %> db verify',
    '<%= config.bin %> db verify --content',
    '<%= config.bin %> db verify --content --all events.csv',
  ]
  static override args = {
    file: Args.string({
      description: 'With --content: the files to compare with, wherever they are now.',
      multiple: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    content: Flags.boolean({ description: 'Compare events with their files: some 50,000 records of each.' }),
    all: Flags.boolean({ description: 'With --content: compare every record.' }),
    ...lockTimeoutFlag,
  }

  async run(): Promise<void> {
    const { content, all } = this.flags
    const files = (this.args.file ?? []) as string[]
    if (!content && (all || files.length > 0)) {
      throw new EaError('usage', `${all ? '--all' : 'A file'} needs --content.`, {
        suggestions: [['ea db verify --content', ...(all ? ['--all'] : []), ...files].join(' ')],
      })
    }
    await this.withDatabase(async (db) => {
      const differences = await verifyRollups(db)
      if (differences.length > 0) {
        throw new EaError('rollups_differ', verifiedText(differences), { details: { differences } })
      }
      if (!content) return this.present({ differences }, 'The rollups match the events.')
      const { verifyContent } = await import('../../lib/import/verify-content.js')
      const found = await verifyContent(db, files, { all, signal: this.signal })
      if (found.content_differences.length > 0) {
        throw new EaError('content_differs', differingText(found), { details: { ...found } })
      }
      return this.present({ differences, ...found }, `The rollups match the events.\n${contentText(found)}`)
    })
  }
}
