/** The spool on a real disk: what was accepted is there, in order, once; one process has it; a full disk loses nothing. */
import { spawnSync } from 'node:child_process'
import { appendFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { parseConfig } from '../../../src/lib/core/config.js'
import { armFailpoint } from '../../../src/lib/core/failpoint.js'
import type { SpooledRequest } from '../../../src/lib/ingest/body/request.js'
import type { SpoolEvent } from '../../../src/lib/ingest/spool/events.js'
import { withSpool } from '../../../src/lib/ingest/spool/spool.js'
import { spoolFolder } from '../../../src/lib/ingest/spool/spool-folder.js'
import { spoolStatus } from '../../../src/lib/ingest/spool/status.js'
import { thisProcess } from '../../../src/lib/os/process-identity.js'
import { assertProperty } from '../../support/effort.js'
import { errorOf, withScratchFolder } from '../../support/temp-dir.js'
import { anyRequest, idsOf, spooled, takeAll } from './spool-requests.js'

afterEach(() => armFailpoint(undefined))

const segmentsIn = async (folder: string) => (await readdir(folder)).filter((file) => file.endsWith('.ndjson')).sort()
const takeFrom = (folder: string) => withSpool(folder, takeAll)

test('what was appended is there after closing, in order, and counted the same', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(fc.array(anyRequest(), { maxLength: 6 }), { maxLength: 4 }), (sessions) =>
      withScratchFolder(async (scratch) => {
        const folder = join(scratch, 'spool')
        const resolved: string[] = []
        for (const requests of sessions) {
          await withSpool(folder, async (spool) => {
            await Promise.all(requests.map((request) => spool.append(request).then(() => resolved.push(request.id))))
          })
        }
        const all = sessions.flat()
        expect(resolved).toEqual(idsOf(all))
        await withSpool(folder, async (spool) => {
          const { deadLetters, ...state } = spool.state
          expect(state).toMatchObject({
            segments: sessions.filter(({ length }) => length > 0).length,
            requests: all.length,
            events: all.reduce((sum, { good }) => sum + good, 0),
          })
          expect(deadLetters).toBe(0)
          expect(await spoolStatus(folder)).toMatchObject({ ...state, deadLetters: [], holderPid: process.pid })
          expect(await takeAll(spool)).toEqual(all)
          expect(spool.state).toMatchObject({ segments: 0, requests: 0, events: 0, bytes: 0, oldestAt: null })
          expect(spool.isEmpty).toBe(true)
        })
        expect(await segmentsIn(folder)).toEqual([])
      }),
    ),
    30,
  )
})

test('a crash at any byte of the newest segment leaves what was synced before it', { tags: 'property' }, async () => {
  await assertProperty(
    fc.asyncProperty(
      fc.array(anyRequest(), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.nat(60),
      (requests, at, zeros) =>
        withScratchFolder(async (folder) => {
          const first = spooled()
          const safeAt: number[] = []
          await withSpool(folder, (spool) => spool.append(first))
          await withSpool(folder, async (spool) => {
            for (const request of requests) {
              const before = spool.state.bytes
              await spool.append(request)
              safeAt.push((safeAt.at(-1) ?? 0) + spool.state.bytes - before)
            }
          })
          const newest = join(folder, (await segmentsIn(folder)).at(-1)!)
          const cut = at % (safeAt.at(-1)! + 1)
          await truncate(newest, cut)
          await appendFile(newest, Buffer.alloc(zeros))
          const events: SpoolEvent[] = []
          const found = await withSpool(folder, takeAll, { onEvent: (event) => events.push(event) })
          const whole = safeAt.filter((end) => end <= cut).length
          expect(found).toEqual([first, ...requests.slice(0, whole)])
          const isClean = zeros === 0 && (cut === 0 || safeAt.includes(cut))
          expect(events.map(({ kind }) => kind)).toEqual(isClean ? [] : ['torn'])
          expect((await spoolStatus(folder)).deadLetters).toEqual([])
        }),
    ),
    60,
  )
})

test('a damaged request becomes a dead letter, and the others go on under a new name', async () => {
  await withScratchFolder(async (folder) => {
    const requests = [spooled(), spooled(), spooled({ good: 3 })]
    await withSpool(folder, (spool) => Promise.all(requests.map((request) => spool.append(request))))
    await withSpool(folder, (spool) => spool.append(spooled({ id: 'later' })))
    const [oldName] = await segmentsIn(folder)
    const path = join(folder, oldName!)
    const content = await readFile(path)
    const place = content.indexOf(requests[1]!.lines)
    content[place + 5]! ^= 1
    await writeFile(path, content)
    const events: SpoolEvent[] = []
    await withSpool(
      folder,
      async (spool) => {
        expect(spool.state).toMatchObject({ segments: 2, requests: 3, events: 5, deadLetters: 1 })
        expect(await segmentsIn(folder)).not.toContain(oldName)
        const [letter] = await spool.deadLetters()
        expect(letter).toMatchObject({ canRetry: false, reason: { code: 'damaged', attempts: 0 } })
        const kept = await readFile(join(folder, 'dead-letter', `${letter!.name}.damaged`))
        expect(kept.toString()).toContain(requests[1]!.id)
        expect(await spool.retry(letter!.name)).toBeUndefined()
        expect(idsOf(await takeAll(spool))).toEqual([requests[0]!.id, requests[2]!.id, 'later'])
      },
      { onEvent: (event) => events.push(event) },
    )
    expect(events).toEqual([expect.objectContaining({ kind: 'damaged', reason: 'wrong checksum' })])
    // Once is enough.
    await withSpool(folder, async (spool) => expect(spool.state).toMatchObject({ segments: 0, deadLetters: 1 }))
  })
})

test('what is damaged while the spool is open is found when it is read', async () => {
  await withScratchFolder((folder) =>
    withSpool(folder, async (spool) => {
      const [bad, good] = [spooled(), spooled()]
      await Promise.all([spool.append(bad), spool.append(good)])
      await spool.oldest()
      const path = join(folder, (await segmentsIn(folder))[0]!)
      const content = await readFile(path)
      content[content.indexOf(bad.lines)]! ^= 1
      await writeFile(path, content)
      expect(await takeAll(spool)).toEqual([good])
      expect(spool.state).toMatchObject({ segments: 0, requests: 0, deadLetters: 1 })
    }),
  )
})

test('a segment is closed at 8 MB, and requests that wait share a write', async () => {
  await withScratchFolder((folder) =>
    withSpool(folder, async (spool) => {
      const large = Array.from({ length: 6 }, () => spooled({ padding: 3 * 1024 * 1024 }))
      await Promise.all(large.map((request) => spool.append(request)))
      expect(spool.state.segments).toBe(2)
      expect(await segmentsIn(folder)).toHaveLength(2)
      const small = Array.from({ length: 2_000 }, () => spooled())
      await Promise.all(small.map((request) => spool.append(request)))
      expect(idsOf(await takeAll(spool))).toEqual(idsOf([...large, ...small]))
    }),
  )
})

test('draining beside appending loses and doubles nothing', async () => {
  await withScratchFolder((folder) =>
    withSpool(folder, async (spool) => {
      const requests = Array.from({ length: 300 }, () => spooled())
      const taken: SpooledRequest[] = []
      let isDone = false
      const draining = (async () => {
        while (!isDone || !spool.isEmpty) {
          taken.push(...(await takeAll(spool)))
          await new Promise((resolve) => setImmediate(resolve))
        }
      })()
      for (let from = 0; from < requests.length; from += 10) {
        await Promise.all(requests.slice(from, from + 10).map((request) => spool.append(request)))
      }
      isDone = true
      await draining
      expect(idsOf(taken)).toEqual(idsOf(requests))
    }),
  )
})

test('after a failed sync the segment is never written again', async () => {
  await withScratchFolder(async (folder) => {
    const [before, failed, after] = [spooled(), spooled(), spooled()]
    const events: SpoolEvent[] = []
    await withSpool(
      folder,
      async (spool) => {
        await spool.append(before)
        armFailpoint('spool.written=error')
        await expect(spool.append(failed)).rejects.toThrow('failpoint spool.written')
        const [sealed] = await segmentsIn(folder)
        const { size } = await stat(join(folder, sealed!))
        await spool.append(after)
        expect((await stat(join(folder, sealed!))).size).toBe(size)
        expect(await segmentsIn(folder)).toHaveLength(2)
        expect(spool.state).toMatchObject({ segments: 2, requests: 2 })
      },
      { onEvent: (event) => events.push(event) },
    )
    expect(events).toEqual([expect.objectContaining({ kind: 'refused', requests: 1 })])
    expect(await takeFrom(folder)).toEqual([before, after])
  })
})

test('whoever waits for it to be filled or empty is told', async () => {
  await withScratchFolder((folder) =>
    withSpool(folder, async (spool) => {
      const never = new AbortController().signal
      const seen: string[] = []
      await spool.emptied(never)
      const filled = spool.filled(never).then(() => seen.push('filled'))
      expect(seen).toEqual([])
      await spool.append(spooled())
      await filled
      const emptied = spool.emptied(never).then(() => seen.push('emptied'))
      await spool.append(spooled())
      const segment = await spool.oldest()
      expect(seen).toEqual(['filled'])
      await spool.remove(segment!)
      await emptied
      expect(seen).toEqual(['filled', 'emptied'])
      const stop = new AbortController()
      const stopped = spool.filled(stop.signal)
      stop.abort()
      await stopped
    }),
  )
})

test('only its owner may read it', async () => {
  await withScratchFolder(async (scratch) => {
    const folder = join(scratch, 'a', 'spool')
    await withSpool(folder, (spool) => spool.append(spooled()))
    const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
    expect(await modeOf(folder)).toBe('700')
    expect(await modeOf(join(folder, 'dead-letter'))).toBe('700')
    expect(await modeOf(join(folder, (await segmentsIn(folder))[0]!))).toBe('600')
  })
})

test('one process at a time; the lock of a dead one is taken over', async () => {
  await withScratchFolder(async (folder) => {
    await withSpool(folder, async () => {
      const error = await errorOf(() => takeFrom(folder))
      expect(error).toMatchObject({ code: 'spool_in_use', details: { pid: process.pid } })
    })
    await writeFile(join(folder, 'lock.99'), JSON.stringify({ ...thisProcess(), bootId: 'of another day' }))
    expect(await takeFrom(folder)).toEqual([])
    expect((await spoolStatus(folder)).holderPid).toBeNull()
  })
})

test('a folder that cannot be made is an error for a person', async () => {
  await withScratchFolder(async (scratch) => {
    await writeFile(join(scratch, 'file'), '')
    expect(await errorOf(() => takeFrom(join(scratch, 'file', 'spool')))).toMatchObject({ code: 'data_dir_unwritable' })
  })
})

test('each database and schema has a folder of its own, whoever connects', () => {
  const folderOf = (url: string | undefined, schema = 'ea') =>
    spoolFolder(parseConfig({ ...(url ? { databaseUrl: url } : {}), schema, dataDir: '/data' }, {}))
  const one = folderOf('postgresql://ann:secret@db.example/shop')
  expect(one).toMatch(/^\/data\/spool\/[0-9a-f]{12}$/)
  expect(folderOf('postgres://bob:other@db.example:5432/shop?application_name=x')).toBe(one)
  const others = [
    folderOf('postgresql://ann@db.example/other'),
    folderOf('postgresql://ann@db.example:5433/shop'),
    folderOf('postgresql://ann@db2.example/shop'),
    folderOf('postgresql://ann@localhost/shop?host=/run/postgresql'),
    folderOf('postgresql://ann@db.example/shop', 'ea2'),
    folderOf(undefined),
    folderOf(undefined, 'ea2'),
  ]
  expect(new Set([one, ...others]).size).toBe(others.length + 1)
})

/** Whether this machine lets a test have a small disk. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const probe = `/tmp/ea-test-spool-mount-${process.pid}`
  spawnSync('mkdir', [probe])
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe])
  spawnSync('umount', [probe])
  spawnSync('rmdir', [probe])
  return status === 0
}

test.skipIf(!canMount())('a full disk refuses, keeps what it has, and goes on when there is room', async () => {
  await withScratchFolder(async (scratch) => {
    const disk = join(scratch, 'disk')
    await mkdir(disk)
    const mount = (...options: string[]) => expect(spawnSync('mount', [...options, disk]).status).toBe(0)
    mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs')
    try {
      const folder = join(disk, 'spool')
      const safe: SpooledRequest[] = []
      let refused = 0
      await withSpool(folder, async (spool) => {
        const add = async (request: SpooledRequest) => {
          const error = await spool.append(request).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          if (error === undefined) safe.push(request)
          else {
            expect(error).toMatchObject({ code: 'spool_full' })
            refused += 1
          }
        }
        for (let round = 0; round < 30; round++) {
          await Promise.all([add(spooled({ padding: 100_000 })), add(spooled({ padding: 3_000 })), add(spooled())])
        }
        expect(refused).toBeGreaterThan(10)
        mount('-o', 'remount,size=8m')
        const before = refused
        await add(spooled({ padding: 100_000 }))
        expect(refused).toBe(before)
        expect(spool.state.requests).toBe(safe.length)
      })
      const found = await takeFrom(folder)
      expect(idsOf(found)).toEqual(idsOf(safe))
      expect(found.every(({ lines }, index) => lines.equals(safe[index]!.lines))).toBe(true)
    } finally {
      spawnSync('umount', [disk])
    }
  })
})
