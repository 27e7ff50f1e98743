/** `ea stats dau`: see `lib/stats/dau.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { dauStat } from '../../lib/stats/dau.js'

export default statCommand(dauStat)
