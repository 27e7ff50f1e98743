/** `ea stats dau`: see `lib/stats/dau.ts`. */
import { statCommand } from '../../lib/cli/stat-command.js'
import { dauStat } from '../../lib/stats/dau.js'

export default statCommand(dauStat)
