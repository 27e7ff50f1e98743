#!/usr/bin/env node
// `ea` from the sources, without a build: for development.
import { register } from 'tsx/esm/api'
import { compileKernel } from './kernel.js'
import { bundlePage } from './page.js'

await compileKernel()
if (process.argv[2] === 'serve') await bundlePage()
register()
const { run } = await import('../src/lib/cli/main.ts')
await run(import.meta.url, process.argv.slice(2), { commands: './src/commands' })
