/**
 * The kernel: what turns the bytes of a chunk into rows for COPY, once for all records. Read this first:
 *
 *   bytes ─ readDelimited / readLines: records ─ sortById: their order ─ writeRows: rows
 *
 * It vouches for what it takes, and gives up at the first record for which it cannot: then the splitter judges the chunk, and
 * PostgreSQL its values. It is compiled to WebAssembly (bin/kernel.js); kernel.ts is its host.
 */
import { initValues } from './values'

export { readDelimited, readLines, setDelimited, setNames, stop } from './delimited'
export { limit, place } from './memory'
export { repeats, sortById } from './order'
export { asked, beginRows, nextRow, rowsBytes, writeRows } from './rows'

initValues()
