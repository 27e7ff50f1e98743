/** Which spool a command of `ea spool` means: that of the database, or the folder that a server was told. */
import { Flags } from '@oclif/core'
import type { Config } from '../../core/config.js'
import { EaError } from '../../core/errors.js'

export const spoolDirFlag = {
  'spool-dir': Flags.string({
    description: 'Folder of the spool, if the server has one of its own (`ea serve --spool-dir`).',
    helpValue: 'DIR',
  }),
}

/**
 * The folder that the flag names, else that of the database.
 *
 * @throws EaError `usage`
 */
export async function spoolDirOf(given: string | undefined, settings: () => Promise<Config>): Promise<string> {
  if (given === '') throw new EaError('usage', '--spool-dir must be a folder, not "".')
  // Loaded only here: the flags of help and the manifest need nothing of it.
  return given ?? (await import('../../ingest/spool/spool-folder.js')).spoolFolder(await settings())
}
