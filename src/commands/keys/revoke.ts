/** `ea keys revoke`: takes an API key back for good. */
import { Args } from '@oclif/core'
import { keyJson, revokedText } from '../../lib/cli/admin/key-text.js'
import { BaseCommand } from '../../lib/cli/base-command.js'
import { revokeKey } from '../../lib/keys/keys.js'

export default class KeysRevoke extends BaseCommand<typeof KeysRevoke> {
  static override summary = 'Revoke an API key permanently'
  static override description =
    'Each running `ea serve` refuses it within 2 seconds; a server that cannot reach the database accepts it until it can. Revoking the last key does not open a running server: it then refuses every request. The name can be used for a new key.'
  static override examples = ['<%= config.bin %> keys revoke web', '<%= config.bin %> keys revoke 7']
  static override args = {
    key: Args.string({ description: 'Its name or number, see `ea keys list`.', required: true, ignoreStdin: true }),
  }

  async run(): Promise<void> {
    const revoked = await this.withDatabase((db) => revokeKey(db, this.args.key), { access: 'write' })
    await this.present({ ...keyJson(revoked.record), already: revoked.already }, revokedText(revoked))
  }
}
