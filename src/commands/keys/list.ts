/** `ea keys list`: the API keys, without the keys themselves. */
import { Flags } from '@oclif/core'
import { keysResult } from '../../lib/cli/admin/key-text.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { outputFlags } from '../../lib/cli/output.js'
import { listKeys } from '../../lib/keys/keys.js'

export default class KeysList extends BaseCommand<typeof KeysList> {
  static override summary = 'List the API keys, oldest first'
  static override description = 'Shows only the first characters of each key; the rest is not stored.'
  static override examples = ['<%= config.bin %> keys list', '<%= config.bin %> keys list --all --json']
  static override flags = {
    all: Flags.boolean({ description: 'Include revoked keys.', default: false }),
    ...outputFlags,
  }

  async run(): Promise<void> {
    const { all } = this.flags
    const keys = await this.withDatabase((db) => listKeys(db, { revoked: all }))
    await this.show(keysResult(keys, { all }))
  }
}
