/**
 * Writes the pages that are made from the code: docs/errors.md from the catalogue and the reject codes, and
 * docs/check.schema.json from the schemas of check files. `--check` writes nothing and fails when one is not what it
 * should be.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { catalogue } from '../src/lib/core/errors.js'
import { rejectCodes } from '../src/lib/core/event.js'
import { checkFileJsonSchema } from './check-schema.js'

const exitCodes: Record<number, string> = {
  0: 'Done; also: the file was imported before.',
  1: 'A bug, or stored data that is not as it must be.',
  2: 'Usage or configuration.',
  3: 'The import was refused: more rejects than allowed.',
  4: 'The input cannot be read or is not recognised.',
  5: 'The database is unreachable, refuses, or is not migrated.',
  6: 'A check failed.',
  7: 'A check could not be decided.',
  75: 'Busy: try again later.',
  130: 'Interrupted by Ctrl-C.',
  143: 'Ended by SIGTERM or SIGHUP.',
}

/** docs/errors.md as it should be. */
function errorsPage(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
    [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')
  return `# Errors

Made from the code by \`npm run docs\`; do not edit.

Every error has a code. On stderr it is printed as \`error code: message\`; with \`--json\` stdout has
\`{"error": {"code", "message", "suggestions", …}}\`. The exit code is the same either way. \`ea serve\` answers with the
status in the column HTTP and a problem (RFC 9457, \`application/problem+json\`) with \`code\`, \`detail\` and
\`suggestions\`.

## Exit codes

${table(
  ['exit', 'meaning'],
  Object.entries(exitCodes).map(([code, meaning]) => [code, meaning]),
)}

## Codes

${table(
  ['code', 'exit', 'HTTP', 'meaning', 'what to do'],
  Object.entries(catalogue).map(([code, { exit, http, meaning, next }]) => [
    `\`${code}\``,
    String(exit),
    String(http),
    meaning,
    next,
  ]),
)}

## Why a record is rejected

The first reason that applies is the record's. \`ea batches rejects ID\` shows the records.

${table(
  ['code', 'meaning'],
  Object.entries(rejectCodes).map(([code, meaning]) => [`\`${code}\``, meaning]),
)}
`
}

const pages = { 'errors.md': errorsPage(), 'check.schema.json': checkFileJsonSchema() }
for (const [name, page] of Object.entries(pages)) {
  const path = fileURLToPath(new URL(name, import.meta.url))
  if (!process.argv.includes('--check')) writeFileSync(path, page)
  else if (!existsSync(path) || readFileSync(path, 'utf8') !== page) {
    process.stderr.write(`docs/${name} is stale: run \`npm run docs\`.\n`)
    process.exitCode = 1
  }
}
