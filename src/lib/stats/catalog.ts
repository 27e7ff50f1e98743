/** All stats by name: the list that commands, routes and checks share. */
import { dauStat } from './dau.js'
import type { Stat } from './stat.js'
import { topEventsStat } from './top-events.js'

export const stats: readonly Stat[] = [dauStat, topEventsStat]
