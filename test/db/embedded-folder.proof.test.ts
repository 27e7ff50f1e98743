/** Folders of every kind: whom they belong to, who may pass, what is full, where the package lies. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { locate } from '../../src/lib/db/embedded/paths.js'
import { isRoot, nobody, run, withDataDir } from '../support/postgres/embedded.js'

const onlyRoot = isRoot ? describe : describe.skip

test('a package whose install script did not run: its links are made', async () => {
  await withDataDir(async (dataDir) => {
    const native = packageCopy(dataDir)
    for (const name of readdirSync(join(native, 'lib'))) {
      if (/\.so\.\d+$/.test(name) && isLink(join(native, 'lib', name))) unlinkSync(join(native, 'lib', name))
    }
    const ended = await run(dataDir, ['note', 'linked'], { env: { EA_TEST_NATIVE: native } })
    expect([ended.exit, ended.stderr]).toEqual([0, ''])
    expect(readdirSync(dataDir).some((name) => name.startsWith('postgresql-'))).toBe(false)
  })
})

test('a path in which a file stands instead of a folder', async () => {
  await withDataDir(async (dataDir) => {
    const ended = await run('/dev/null/data', ['note', 'a'])
    expect(ended).toMatchObject({ exit: 5, said: { code: 'data_dir_unwritable' } })
    expect(ended.said?.message).toContain('/dev/null')
    expect(() => statSync(dataDir)).toThrow('ENOENT')
  })
})

onlyRoot('as root (skipped otherwise)', () => {
  test('the server runs as somebody else, in a folder of root with mode 700', async () => {
    await withDataDir(async (dataDir) => {
      mkdirSync(dataDir, { mode: 0o700 })
      expect((await run(dataDir, ['note', 'a'])).exit).toBe(0)
      expect(statSync(join(dataDir, 'pg18')).uid).not.toBe(0)
      expect(statSync(dataDir)).toMatchObject({ uid: 0, mode: 0o40701 })
    })
  })

  test('a parent that nobody may pass through is left alone and named', async () => {
    await withDataDir(async (dataDir) => {
      mkdirSync(dirname(dataDir), { recursive: true })
      chmodSync(dirname(dataDir), 0o700)
      const ended = await run(dataDir, ['note', 'a'])
      expect(ended).toMatchObject({ exit: 5, said: { code: 'data_dir_unreachable' } })
      expect(ended.said?.message).toContain(`cannot enter ${dirname(dataDir)}.`)
      expect(statSync(dirname(dataDir)).mode & 0o777).toBe(0o700)
    })
  })

  test('a package below a folder of mode 700 is copied beside the data', async () => {
    await withDataDir(async (dataDir) => {
      const native = packageCopy(dataDir)
      chmodSync(dirname(dirname(native)), 0o700)
      const env = { EA_TEST_NATIVE: native }
      const ended = await run(dataDir, ['note', 'copied'], { env })
      expect([ended.exit, ended.stderr]).toEqual([0, ''])
      expect(readdirSync(dataDir).filter((name) => name.startsWith('postgresql-'))).toHaveLength(1)
      expect((await run(dataDir, ['note', 'again'], { env })).said?.notes).toEqual(['again', 'copied'])
    })
  })

  test('root and the owner of a folder share one server, whoever comes first', async () => {
    await withDataDir(async (dataDir) => {
      mkdirSync(dataDir, { mode: 0o700 })
      chownSync(dataDir, nobody.uid, nobody.gid)
      for (const [note, account] of [['root', {}] as const, ['owner', nobody] as const, ['root again', {}] as const]) {
        const ended = await run(dataDir, ['note', note], account)
        expect([ended.exit, ended.stderr]).toEqual([0, ''])
      }
      expect(statSync(join(dataDir, 'pg18')).uid).toBe(nobody.uid)
      const last = await run(dataDir, ['note'], nobody)
      expect(last.said?.notes).toEqual(['owner', 'root', 'root again'])
      expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    })
  })

  test('a folder that the user cannot write to', async () => {
    await withDataDir(async (dataDir) => {
      mkdirSync(dataDir, { mode: 0o755 })
      chmodSync(dataDir, 0o755)
      const ended = await run(dataDir, ['note', 'a'], nobody)
      expect(ended).toMatchObject({ exit: 5, said: { code: 'data_dir_unwritable' } })
      expect(ended.said?.message).toContain(dataDir)
      expect(readdirSync(dataDir)).toEqual([])
    })
  })

  test('a disk that is full while the cluster is made, and has space again', async ({ skip }) => {
    await withDataDir(async (dataDir) => {
      mkdirSync(dataDir, { recursive: true })
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dataDir], { stdio: 'ignore' })
      } catch {
        skip('mount is not allowed here')
      }
      try {
        const ended = await run(dataDir, ['note', 'a'])
        expect(ended).toMatchObject({ exit: 5, stderr: '', said: { code: 'disk_full' } })
        expect(readdirSync(dataDir).filter((name) => name.startsWith('pg'))).toEqual([])
        execFileSync('mount', ['-o', 'remount,size=256m', dataDir])
        expect((await run(dataDir, ['note', 'b'])).said?.notes).toEqual(['b'])
      } finally {
        execFileSync('umount', ['-l', dataDir])
      }
    })
  })
})

/** A copy of the package beside the data; `native` of it. */
function packageCopy(dataDir: string): string {
  const { native } = locate(dataDir)
  const copy = join(dirname(dataDir), 'node_modules', 'package')
  cpSync(dirname(native), copy, { recursive: true, verbatimSymlinks: true })
  rmSync(join(copy, 'native', 'include'), { recursive: true, force: true })
  return join(copy, 'native')
}

function isLink(path: string): boolean {
  return lstatSync(path).isSymbolicLink()
}
