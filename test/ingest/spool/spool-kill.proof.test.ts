/** A process with a spool that is killed: what it had promised is there, and the next one can have the spool. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { withSpool } from '../../../src/lib/ingest/spool/spool.js'
import { withScratchFolder } from '../../support/temp-dir.js'
import { idsOf, takeAll } from './spool-requests.js'

const child = fileURLToPath(new URL('spool-child.ts', import.meta.url))

/** Runs the child on a folder and kills it when it has printed so many lines; what it printed. */
async function run(folder: string, killAfter: number, env: Record<string, string> = {}): Promise<string[]> {
  const process_ = spawn(process.execPath, ['--import', 'tsx', child, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let text = ''
  process_.stdout.on('data', (data) => {
    text += data
    if (text.split('\n').length > killAfter) process_.kill('SIGKILL')
  })
  await new Promise((resolve) => process_.on('close', resolve))
  return text.split('\n').slice(0, -1)
}

test('killed again and again, everything that was safe is there exactly once and in order', async () => {
  await withScratchFolder(async (folder) => {
    const safe: string[] = []
    for (const lines of [1, 40, 300, 1000]) safe.push(...(await run(folder, lines)).slice(1))
    // Dies between the write and the sync: nobody was told anything of that write.
    safe.push(...(await run(folder, 100_000, { EA_FAILPOINT: 'spool.written@20=kill' })).slice(1))
    expect(safe.length).toBeGreaterThan(1000)
    const found = idsOf(await withSpool(folder, takeAll))
    expect(new Set(found).size).toBe(found.length)
    const place = new Map(found.map((id, index) => [id, index]))
    expect(safe.filter((id) => !place.has(id))).toEqual([])
    const places = safe.map((id) => place.get(id)!)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })
})

test('two processes do not share a folder', async () => {
  await withScratchFolder(async (folder) => {
    await withSpool(folder, async () => {
      expect(await run(folder, 100)).toEqual(['spool_in_use'])
    })
    expect((await run(folder, 3))[0]).toBe('open')
  })
})
