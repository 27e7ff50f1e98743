/**
 * The script of the page: the modules of src/lib/serve/page/browser as one file beside the other files of the page, where the
 * server looks for it. `npm run build`, `bin/dev.js` and the tests make it; git does not keep it.
 */
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const script = fileURLToPath(new URL('../src/lib/serve/page/files/main.js', import.meta.url))

/** Bundles the script, and writes it unless it is there already. */
export async function bundlePage() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryPoints: ['src/lib/serve/page/browser/main.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome120', 'firefox120', 'safari17'],
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  if (contentOf(script) === outputFiles[0].text) return
  writeFileSync(script, outputFiles[0].text)
  // As old as its newest source, so that nothing takes it for a newer one.
  const newest = Math.max(...Object.keys(metafile.inputs).map((input) => statSync(input).mtimeMs))
  utimesSync(script, newest / 1000, newest / 1000)
}

function contentOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
