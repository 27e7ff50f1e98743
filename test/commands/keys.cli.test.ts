/** `ea keys …` as a user runs it. */
import { beforeAll, expect, test } from 'vitest'
import { isKeyText } from '../../src/lib/keys/key-text.js'
import { builtOnce } from '../support/binary.js'
import { withBench } from './import-content.js'

beforeAll(builtOnce)

test('create prints the key alone on stdout, and talks on stderr', () =>
  withBench(async ({ ea, json }) => {
    const made = await ea(['keys', 'create', '--scope', 'write', 'web', '--expires', '90d'])
    expect(made.code).toBe(0)
    const key = made.stdout.trimEnd()
    expect(made.stdout).toBe(`${key}\n`)
    expect(isKeyText(key)).toBe(true)
    expect(made.stderr).toContain('"web" may write. It expires on ')
    expect(made.stderr).not.toContain(key)
    const silent = await ea(['keys', 'create', 'quiet', '--scope', 'read', '--quiet'])
    expect(silent).toMatchObject({ code: 0, stderr: '' })

    const both = await json(['keys', 'create', 'backend', '--scope', 'read,write', '--expires', '2099-01-01'])
    expect(both).toMatchObject({
      code: 0,
      id: 3,
      name: 'backend',
      scopes: 'read,write',
      start: both.key.slice(0, 9),
      expires_at: '2099-01-01T00:00:00.000Z',
      revoked_at: null,
    })
    expect(await json(['keys', 'create', 'all', '--scope', 'admin', '--scope', 'read'])).toMatchObject({
      scopes: 'admin',
    })
  }))

test('create refuses what it cannot take, and makes nothing', () =>
  withBench(async ({ ea, json }) => {
    for (const args of [
      ['web'],
      ['web', '--scope', 'root'],
      ['--scope', 'read'],
      ['42', '--scope', 'read'],
      ['web', '--scope', 'read', '--expires', 'soon'],
      ['web', '--scope', 'read', '--expires', '0d'],
      ['web', '--scope', 'read', '--expires', '2020-01-01'],
      ['web', '--scope', 'read', '--expires', '999999999999999d'],
    ]) {
      const ended = await json(['keys', 'create', ...args])
      expect([ended.code, ended.error?.code], args.join(' ')).toEqual([2, 'usage'])
    }
    await ea(['keys', 'create', 'web', '--scope', 'read'])
    const again = await ea(['keys', 'create', 'web', '--scope', 'read'])
    expect(again).toMatchObject({ code: 2, stdout: '' })
    expect(again.stderr).toContain('error key_exists: ')
    expect((await json(['keys', 'list', '--all'])).data).toHaveLength(1)
  }))

test('list shows what is in force, and with --all what was; never a key', () =>
  withBench(async ({ ea, json }) => {
    const key = (await ea(['keys', 'create', 'web', '--scope', 'write'])).stdout.trim()
    await ea(['keys', 'create', 'dashboard', '--scope', 'read'])
    await ea(['keys', 'revoke', 'dashboard'])
    const listed = await json(['keys', 'list'])
    expect(listed).toMatchObject({ code: 0, metric: 'keys', meta: { all: false } })
    expect(listed.data).toMatchObject([
      { id: 1, name: 'web', start: key.slice(0, 9), scopes: 'write', expires_at: null, revoked_at: null },
    ])
    const all = await json(['keys', 'list', '--all'])
    expect(all.data).toMatchObject([{ name: 'web' }, { name: 'dashboard', revoked_at: expect.any(String) }])
    const table = await ea(['keys', 'list'])
    expect(table.stdout).toContain(key.slice(0, 9))
    expect(table.stdout + JSON.stringify(all)).not.toContain(key.slice(9))
    expect((await ea(['keys', 'list', '--format', 'csv'])).stdout).toMatch(
      /^id,name,start,scopes,created_at,expires_at,revoked_at\r\n1,web,/,
    )
  }))

test('revoke takes a name or a number, and doing it twice is no error', () =>
  withBench(async ({ ea, json }) => {
    await ea(['keys', 'create', 'web', '--scope', 'write'])
    const first = await ea(['keys', 'revoke', '1'])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toMatch(/^Key "web" \(1, ea_.{6}…\) is revoked\. /)
    const second = await ea(['keys', 'revoke', 'web'])
    expect(second.code).toBe(0)
    expect(second.stdout).toContain('was revoked already, on ')
    expect(await json(['keys', 'revoke', 'web'])).toMatchObject({ code: 0, id: 1, already: true })
    const unknown = await ea(['keys', 'revoke', 'wep'])
    expect(unknown).toMatchObject({ code: 2, stdout: '' })
    expect(unknown.stderr).toContain('error key_not_found: There is no key "wep".')
  }))
