/** `ea keys create`: makes an API key and prints it, this once. */
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { createdText, keyJson, parseExpiry } from '../../lib/cli/key-text.js'
import { createKey } from '../../lib/keys/registry.js'
import { type Scope, scopes } from '../../lib/keys/scopes.js'

export default class KeysCreate extends BaseCommand<typeof KeysCreate> {
  static override summary = 'Make an API key and print it, this once'
  static override description =
    'The key alone goes to stdout, so that a script can keep it. The database holds only its hash: a key that is lost is revoked and made anew. A running `ea serve` takes it at once; from the first key on it asks everybody for one, which takes one that runs up to 2 seconds.'
  static override examples = [
    '<%= config.bin %> keys create web --scope write --expires 90d',
    'KEY=$(<%= config.bin %> keys create dashboard --scope read)',
    '<%= config.bin %> keys create backend --scope read,write --json',
  ]
  static override args = {
    name: Args.string({
      description: 'What the key is for; events that it sends are counted under it.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    scope: Flags.string({
      description:
        'What it may do: read asks questions, write sends events, admin does both and all else. Several with commas.',
      options: [...scopes],
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      required: true,
    }),
    expires: Flags.string({
      description: 'From when on it is refused: in 90d (m, h, d), or at the start of a day in UTC (default: never).',
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
