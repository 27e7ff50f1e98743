/** `ea keys create`: makes an API key and prints it, this once. */
import { Args, Flags } from '@oclif/core'
import { createdText, keyJson, parseExpiry } from '../../lib/cli/admin/key-text.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { createKey } from '../../lib/keys/keys.js'
import { type Scope, scopes } from '../../lib/keys/scopes.js'

export default class KeysCreate extends BaseCommand<typeof KeysCreate> {
  static override summary = 'Create an API key and print it once'
  static override description =
    'Only the key goes to stdout, so that a script can store it. The database stores only its hash: revoke a lost key and create a new one. A running `ea serve` accepts the key at once. Within 2 seconds after the first key is created, a running server requires one.'
  static override examples = [
    '<%= config.bin %> keys create web --scope write --expires 90d',
    'KEY=$(<%= config.bin %> keys create dashboard --scope read)',
    '<%= config.bin %> keys create backend --scope read,write --json',
  ]
  static override args = {
    name: Args.string({
      description: 'Name of the key; events that it sends are listed under this name.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    scope: Flags.string({
      description:
        'Scopes: read asks questions, write sends events, admin does everything. Separate several with commas.',
      options: [...scopes],
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      required: true,
    }),
    expires: Flags.string({
      description: 'When it expires: after 90d (m, h, d), or at the start of a day in UTC (default: never).',
      helpValue: '90d|YYYY-MM-DD',
    }),
  }

  async run(): Promise<void> {
    const { scope, expires } = this.flags
    const expiresAt = expires === undefined ? undefined : parseExpiry(expires, new Date())
    const { key, record } = await this.withDatabase(
      (db) => createKey(db, { name: this.args.name, scopes: scope as Scope[], expiresAt }),
      { access: 'create' },
    )
    await this.present({ key, ...keyJson(record) }, key)
    this.say(createdText(record))
  }
}
