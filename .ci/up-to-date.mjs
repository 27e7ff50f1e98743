// Makes every generated file again and fails when one of them was not what it should be: the new one then lies in the
// work tree, ready to be committed. Works without git.
import { execSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const scripts = JSON.parse(readFileSync('package.json', 'utf8')).scripts
const files = () => ['oclif.manifest.json', ...readdirSync('docs', { recursive: true }).map((name) => `docs/${name}`)]
const read = () =>
  new Map(
    files()
      .filter((file) => /\.(json|md)$/.test(file) && existsSync(file))
      .map((file) => [file, readFileSync(file, 'utf8')]),
  )

const before = read()
execSync('npm run build', { stdio: 'inherit' })
if (scripts.docs) execSync('npm run docs', { stdio: 'inherit' })
const stale = [...read()].filter(([file, text]) => before.get(file) !== text).map(([file]) => file)
if (stale.length > 0) {
  process.stderr.write(`Not up to date, made again now, please commit: ${stale.join(', ')}\n`)
  process.exitCode = 1
}
