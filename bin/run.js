#!/usr/bin/env node
import module from 'node:module'

// From 22.8 on Node keeps what it has compiled for the next start.
module.enableCompileCache?.()
const { run } = await import('../dist/lib/cli/main.js')
await run(import.meta.url, process.argv.slice(2))
