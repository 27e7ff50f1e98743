/** `ea stats mau`: see `lib/stats/mau.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { mauStat } from '../../lib/stats/mau.js'

export default statCommand(mauStat)
