/** The lock that Node does not have: processes fight for one, some are killed while they hold it. */
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { isLocked, tryLock, withLock } from '../../src/lib/os/numbered-lock.js'
import { thisProcess } from '../../src/lib/os/process-identity.js'
import { run, withDataDir } from '../support/postgres/embedded.js'

test('no two processes hold it at once, also when holders are killed', async () => {
  await withDataDir(async (dataDir) => {
    const counter = join(dirname(dataDir), 'counter')
    writeFileSync(counter, '0')
    const dies = [undefined, undefined, '7', '23']
    const ended = await Promise.all(
      dies.map((round) => run(dataDir, ['lock', counter], { env: { EA_TEST_DIE: round ?? '' } })),
    )
    expect(ended.map(({ exit, signal, stderr }) => [signal ?? exit, stderr])).toEqual([
      [0, ''],
      [0, ''],
      ['SIGKILL', ''],
      ['SIGKILL', ''],
    ])
    expect(Number(readFileSync(counter, 'utf8'))).toBe(40 + 40 + 7 + 23)
    // Old numbers do not pile up.
    expect(readdirSync(dataDir).length).toBeLessThan(10)
  })
})

test('within a process too, and it is free after an error', async () => {
  await withDataDir(async (folder) => {
    mkdirSync(folder)
    const lock = tryLock(folder)
    expect(lock).toBeDefined()
    expect(tryLock(folder)).toBeUndefined()
    expect(isLocked(folder)).toBe(true)
    lock!.release()
    expect(isLocked(folder)).toBe(false)
    await expect(
      withLock(folder, async () => {
        throw new Error('inside')
      }),
    ).rejects.toThrow('inside')
    expect(isLocked(folder)).toBe(false)
  })
})

test('a slow process that judged an old number withdraws', async () => {
  await withDataDir(async (folder) => {
    mkdirSync(folder)
    for (let round = 0; round < 8; round++) tryLock(folder)!.release()
    const held = tryLock(folder)!
    // lock.2 was swept long ago; a process that still believes in it may create it, and nobody heeds it.
    writeFileSync(join(folder, 'lock.2'), JSON.stringify(thisProcess()))
    expect(tryLock(folder)).toBeUndefined()
    held.release()
    tryLock(folder)!.release()
    expect(readdirSync(folder)).not.toContain('lock.2')
  })
})

test('a holder with the pid of a living process that started at another time is gone', async () => {
  await withDataDir(async (folder) => {
    mkdirSync(folder)
    writeFileSync(join(folder, 'lock.1'), JSON.stringify({ ...thisProcess(), processStart: '1' }))
    const free = process.platform === 'linux'
    expect(isLocked(folder)).toBe(!free)
  })
})

test('a holder in another container counts as long as it touches its file', async () => {
  await withDataDir(async (folder) => {
    mkdirSync(folder)
    const path = join(folder, 'lock.1')
    writeFileSync(path, JSON.stringify({ ...thisProcess(), host: 'elsewhere', pid: 1 }))
    expect(isLocked(folder)).toBe(true)
    utimesSync(path, new Date(), new Date(Date.now() - 120_000))
    expect(isLocked(folder)).toBe(false)
  })
})
