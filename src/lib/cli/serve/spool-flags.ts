/** Which spool a command of `ea spool` means: that of the database, or the folder that a server was told. */
import { Flags } from '@oclif/core'

export const spoolDirFlag = {
  'spool-dir': Flags.string({
    description: 'Folder of the spool, if the server has one of its own (`ea serve --spool-dir`).',
    helpValue: 'DIR',
  }),
}
