/**
 * The package as somebody gets it: `npm pack` of the checkout, and that file installed in an empty folder, with an empty
 * home. Slow (npm asks the registry what is newest), so once per test file.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface PackedFile {
  readonly path: string
  readonly size: number
}

export interface Packed {
  /** Where the tarball lies. */
  readonly tarball: string
  readonly sizeBytes: number
  readonly unpackedBytes: number
  readonly files: readonly PackedFile[]
}

/** Packs the checkout, which must be built. */
export async function pack(folder: string): Promise<Packed> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const { stdout } = await promisify(execFile)('npm', args, { maxBuffer: 16 * 1024 * 1024 })
  const [told] = JSON.parse(stdout) as { filename: string; size: number; unpackedSize: number; files: PackedFile[] }[]
  const { filename, size, unpackedSize, files } = told!
  return { tarball: join(folder, filename), sizeBytes: size, unpackedBytes: unpackedSize, files }
}

/** Whether npm can ask its registry. On CI nobody is asked: there it must. */
export function canInstall(): boolean {
  if (process.env.CI) return true
  const args = ['view', '@oclif/core', 'version', '--prefer-online', '--fetch-retries=0', '--fetch-timeout=10000']
  return spawnSync('npm', args, { stdio: 'ignore', timeout: 30_000 }).status === 0
}

export interface Installed {
  /** The folder in which it was installed; `package` lies in its node_modules. */
  readonly folder: string
  readonly package: string
  /** `ea` of its node_modules/.bin. */
  readonly program: string
  /** For the program: PATH, an empty home, an empty data folder, and nothing else. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Installs the tarball in an empty folder below `parent`, as a user of TypeScript does: with the types of Node.
 *
 * @throws Error with what npm says
 */
export async function install(parent: string, { tarball }: Packed): Promise<Installed> {
  const [folder, home, dataDir] = ['app', 'home', 'data'].map((name) => join(parent, name)) as [string, string, string]
  await Promise.all([folder, home].map((path) => mkdir(path)))
  const setting = (name: string) => spawnSync('npm', ['config', 'get', name], { encoding: 'utf8' }).stdout.trim()
  await promisify(execFile)(
    'npm',
    // Without --prefix npm would take the nearest folder above that has a package.json.
    ['install', '--prefix', folder, '--prefer-offline', '--no-audit', '--no-fund', tarball, '@types/node@20'],
    // Its cache and its registry are those of the machine: they are no part of what is tried.
    {
      cwd: folder,
      env: { ...process.env, HOME: home, npm_config_cache: setting('cache'), npm_config_registry: setting('registry') },
    },
  )
  return {
    folder,
    package: join(folder, 'node_modules/event-analytics'),
    program: join(folder, 'node_modules/.bin/ea'),
    env: { PATH: process.env.PATH!, HOME: home, EA_DATA_DIR: dataDir },
  }
}
