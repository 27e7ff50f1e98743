/**
 * The kernel: what turns the bytes of a chunk into rows for COPY, once for all records. Read this first:
 *
 *   bytes ─ readRecords ─ sortById: their order ─ writeRows: rows
 *                     └── countDays ─ sortDays ─ writeDays: what the rollups need of all chunks
 *
 * It vouches for what it takes, and gives up at the first record for which it cannot: then the splitter judges the chunk, and
 * PostgreSQL its values. It is compiled to WebAssembly (bin/kernel.js); kernel.ts is its host.
 */
import { initValues } from './values'

export { nextDay, sortDays, writeDays } from './day-rows'
export { beginDays, countDays, counted, isCounting } from './days'
export { setDelimited } from './delimited'
export { setNames } from './lines'
export { limit, place } from './memory'
export { repeats, sortById } from './order'
export { readRecords, stop } from './records'
export { asked, beginRows, nextRow, rowsBytes, writeRows } from './rows'

initValues()
