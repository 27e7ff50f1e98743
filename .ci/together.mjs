// `node .ci/together.mjs typecheck lint …`: runs scripts of package.json, as many at a time as there are processors, prints
// what each one says when it ends, and fails when one of them failed. Also on Windows, where a shell has no `&` and `wait`.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

const waiting = process.argv.slice(2)

async function runNext() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const began = Date.now()
    const { code, said } = await run(name)
    process.stdout.write(
      `${said}${name}: ${code === 0 ? 'good' : `exit ${code}`}, ${Math.round((Date.now() - began) / 1000)} s\n`,
    )
    if (code !== 0) process.exitCode = 1
  }
}

function run(name) {
  const child = spawn('npm', ['run', '--silent', name], {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  const pieces = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => pieces.push(piece))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, said: Buffer.concat(pieces).toString() }))
  })
}

await Promise.all(Array.from({ length: availableParallelism() }, runNext))
