/** Which spool a command of `ea spool` means: that of the database, or the folder that a server was told. */
import { Flags } from '@oclif/core'

export const spoolDirFlag = {
  'spool-dir': Flags.string({
    description: 'The folder of the spool, where the server was told one (`ea serve --spool-dir`).',
    helpValue: 'DIR',
  }),
}
