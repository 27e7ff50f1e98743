/**
 * The kernel of imports: src/lib/load/direct/assembly, written in AssemblyScript, as WebAssembly beside its host, where that
 * looks for it. `npm run build`, `bin/dev.js` and the tests make it; git does not keep it.
 */
import { statSync, utimesSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { globSync } from 'tinyglobby'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = 'src/lib/load/direct'

/** Compiles the kernel, unless it is as old as its newest source. */
export async function compileKernel() {
  const sources = [...globSync(`${folder}/assembly/*.ts`, { cwd: root }), 'bin/kernel.js']
  const newest = Math.max(...sources.map((source) => Math.floor(statSync(`${root}/${source}`).mtimeMs / 1000)))
  const kernel = `${root}/${folder}/kernel.wasm`
  if (ageOf(kernel) === newest) return
  await compileFrom(`${root}/${folder}/assembly`, kernel)
  utimesSync(kernel, newest, newest)
}

/** Compiles the sources of a folder. */
export async function compileFrom(assembly, outFile) {
  // Loaded only now: it takes a second.
  const { default: asc } = await import('assemblyscript/asc')
  const flags = [
    '--runtime',
    'stub',
    '--importMemory',
    '--noAssert',
    '--enable',
    'simd,bulk-memory',
    '-O3',
    '--converge',
  ]
  // Relative: it takes the path of a module for its name.
  const [entry, out] = [`${assembly}/index.ts`, outFile].map((path) => relative(root, path))
  const { error, stderr } = await asc.main([entry, '--outFile', out, '--baseDir', root, ...flags])
  if (error) throw new Error(`the kernel does not compile:\n${stderr.toString()}`, { cause: error })
}

function ageOf(path) {
  try {
    return Math.floor(statSync(path).mtimeMs / 1000)
  } catch {
    return undefined
  }
}
