/** What is left behind by kills, and what else may lie in a data folder: a clean recovery or a clear error. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { embeddedStatus, startEmbedded } from '../../src/lib/db/embedded/server.js'
import { isAlive } from '../../src/lib/os/process-identity.js'
import { command, configOf, isRoot, isRunning, run, until, withDataDir } from '../support/postgres/embedded.js'

test('a killed server is started again, with everything that was committed', async () => {
  await withDataDir(async (dataDir) => {
    const { pid } = await startEmbedded(configOf(dataDir))
    expect((await run(dataDir, ['note', 'before'])).exit).toBe(0)
    await kill(pid!)
    const ended = await run(dataDir, ['note', 'after'])
    expect([ended.exit, ended.stderr]).toEqual([0, ''])
    expect(ended.said?.notes).toEqual(['after', 'before'])
    // Who was asked to be kept running is dead: the new one is not meant.
    expect(await isRunning(dataDir)).toBe(false)
  })
})

test('what a killed command left counts for nothing: the next one uses its server and stops it', async () => {
  await withDataDir(async (dataDir) => {
    const killed = command(dataDir, ['hold', 'killed'])
    const { started } = await killed.said
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(await embeddedStatus(configOf(dataDir))).toMatchObject({ running: true, users: [] })
    expect((await run(dataDir, ['note', 'next'])).said).toMatchObject({ started, notes: ['killed', 'next'] })
    expect(await isRunning(dataDir)).toBe(false)
  })
})

test('a command and its server killed together', async () => {
  await withDataDir(async (dataDir) => {
    const killed = command(dataDir, ['hold', 'killed'])
    await killed.said
    const { pid } = await embeddedStatus(configOf(dataDir))
    killed.child.kill('SIGKILL')
    await kill(pid!)
    await killed.ended
    expect((await run(dataDir, ['note', 'next'])).said?.notes).toEqual(['killed', 'next'])
  })
})

test.each(['cluster.initialised', 'server.spawned'])('a command killed at %s', async (failpoint) => {
  await withDataDir(async (dataDir) => {
    const killed = await run(dataDir, ['note', 'never'], { env: { EA_FAILPOINT: `${failpoint}=kill` } })
    expect(killed.signal).toBe('SIGKILL')
    const ended = await Promise.all(['a', 'b'].map((note) => run(dataDir, ['note', note])))
    expect(ended.map(({ exit, stderr }) => [exit, stderr])).toEqual(Array(2).fill([0, '']))
    expect((await run(dataDir, ['note'])).said?.notes).toEqual(['a', 'b'])
    expect(readdirSync(dataDir).filter((name) => name.includes('.new'))).toEqual([])
    expect(await isRunning(dataDir)).toBe(false)
  })
})

test('a command killed in the middle of initdb leaves nothing that looks like a cluster', async () => {
  await withDataDir(async (dataDir) => {
    const killed = command(dataDir, ['note', 'never'])
    await until(() => existsSync(dataDir) && readdirSync(dataDir).some((name) => /^pg\d+\.new-/.test(name)))
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(readdirSync(dataDir).filter((name) => /^pg\d+$/.test(name))).toEqual([])
    expect((await run(dataDir, ['note', 'next'])).said?.notes).toEqual(['next'])
    // What the orphaned initdb was still writing is swept sooner or later.
    await until(async () => {
      await run(dataDir, ['note'])
      return !readdirSync(dataDir).some((name) => name.includes('.new'))
    })
  })
})

test('a stale pid file whose pid now belongs to a living process of the same user', async () => {
  await withDataDir(async (dataDir) => {
    const { pid } = await startEmbedded(configOf(dataDir))
    await run(dataDir, ['note', 'before'])
    await kill(pid!)
    // The same user as the server: PostgreSQL by itself would take it for a running server.
    const { uid, gid } = ownerOf(dataDir)
    const stranger = spawn('/bin/sleep', ['600'], isRoot ? { uid, gid } : {})
    try {
      const path = join(dataDir, 'pg18', 'postmaster.pid')
      const text = readFileSync(path, 'utf8')
      writeFileSync(path, text.replace(/^\d+/, String(stranger.pid)))
      expect((await embeddedStatus(configOf(dataDir))).running).toBe(false)
      const ended = await run(dataDir, ['note', 'after'])
      expect([ended.exit, ended.stderr]).toEqual([0, ''])
      expect(ended.said?.notes).toEqual(['after', 'before'])
      expect(stranger.exitCode).toBeNull()
      process.kill(stranger.pid!, 0)
    } finally {
      stranger.kill('SIGKILL')
    }
  })
})

test('an empty pid file of a machine that lost its power', async () => {
  await withDataDir(async (dataDir) => {
    await run(dataDir, ['note', 'before'])
    writeFileSync(join(dataDir, 'pg18', 'postmaster.pid'), '')
    expect((await run(dataDir, ['note', 'after'])).said?.notes).toEqual(['after', 'before'])
  })
})

test('a server whose socket was removed is started anew', async () => {
  await withDataDir(async (dataDir) => {
    const { socketDir, pid } = await startEmbedded(configOf(dataDir))
    await run(dataDir, ['note', 'before'])
    rmSync(join(socketDir!, '.s.PGSQL.5432'))
    const ended = await run(dataDir, ['note', 'after'])
    expect([ended.exit, ended.stderr]).toEqual([0, ''])
    expect(ended.said?.notes).toEqual(['after', 'before'])
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH')
  })
})

test('the data of another PostgreSQL major is left alone, with an error that says how to get at it', async () => {
  await withDataDir(async (dataDir) => {
    await run(dataDir, ['note', 'kept'])
    renameSync(join(dataDir, 'pg18'), join(dataDir, 'pg17'))
    writeFileSync(join(dataDir, 'pg17', 'PG_VERSION'), '17\n')
    const ended = await run(dataDir, ['note', 'lost'])
    expect(ended).toMatchObject({ exit: 5, said: { code: 'data_dir_other_version' } })
    expect(ended.said?.message).toContain('PostgreSQL 17')
    expect(ended.said?.hints?.join()).toContain('pg_dump')
    expect(existsSync(join(dataDir, 'pg18'))).toBe(false)

    renameSync(join(dataDir, 'pg17'), join(dataDir, 'pg18'))
    expect((await run(dataDir, ['note', 'lost'])).said).toMatchObject({ code: 'data_dir_other_version' })
    writeFileSync(join(dataDir, 'pg18', 'PG_VERSION'), '18\n')
    expect((await run(dataDir, ['note'])).said?.notes).toEqual(['kept'])
  })
})

test('a cluster that PostgreSQL refuses: an error with the end of its log', async () => {
  await withDataDir(async (dataDir) => {
    await run(dataDir, ['note', 'a'])
    const control = join(dataDir, 'pg18', 'global', 'pg_control')
    const whole = readFileSync(control)
    writeFileSync(control, whole.subarray(0, 100))
    const ended = await run(dataDir, ['note', 'b'])
    expect(ended).toMatchObject({ exit: 5, said: { code: 'embedded_start_failed' } })
    expect(ended.said?.message).toContain('pg_control')
    writeFileSync(control, whole)
    expect((await run(dataDir, ['note', 'b'])).said?.notes).toEqual(['a', 'b'])
  })
})

/** Kills a process and waits until it is gone. */
async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid, ''))
}

function ownerOf(dataDir: string): { uid: number; gid: number } {
  return statSync(join(dataDir, 'pg18'))
}
