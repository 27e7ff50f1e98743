/** What the page reads of an answer, and asks with, is what the stat says: whatever is misspelt does not compile. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { withScratchFolder } from '../support/temp-dir.js'

const browser = resolve('src/lib/serve/page/browser')

const program = `
import type { ParamsOf, StatAnswer } from '${browser}/answers.js'
import { tableOf } from '${browser}/panels/data-table.js'
import type { ViewChange } from '${browser}/url-state.js'

export function table({ data, meta }: StatAnswer<'dau'>) {
  tableOf(data, [{ of: 'unique_users', kind: 'count', users: ({ date }) => [date, meta.grain] }])
  // @ts-expect-error no such column
  tableOf(data, [{ of: 'unique_user', kind: 'count' }])
  // @ts-expect-error no such kind
  tableOf(data, [{ of: 'unique_users', kind: 'counted' }])
  // @ts-expect-error no such column
  tableOf(data, [{ of: 'unique_users', kind: 'count', users: ({ day }) => [day, ''] }])
  // @ts-expect-error nothing of the kind is said of the rows
  return meta.keys_left_out
}
export const params: ParamsOf<'retention'> = { start_date: '2025-01-01', window_type: 'week' }
// @ts-expect-error no such parameter
export const wrong: ParamsOf<'retention'> = { start_date: '2025-01-01', windowType: 'week' }
// @ts-expect-error no such name in the address
export const change: ViewChange = { week: 'monday' }
`

test('columns, meta, parameters and names of the address that are misspelt do not compile', () =>
  withScratchFolder(async (folder) => {
    await writeFile(join(folder, 'program.mts'), program)
    const options = { rootDir: '/', typeRoots: [resolve('node_modules/@types')] }
    const config = { extends: join(browser, 'tsconfig.json'), compilerOptions: options, include: ['program.mts'] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = resolve('node_modules/typescript-native/bin/tsc')
    const said = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch(({ stdout }) => ({ stdout }))
    expect(said.stdout).toBe('')
  }))
