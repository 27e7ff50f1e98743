#!/usr/bin/env -S node --import tsx
// `ea` from the sources, without a build: for development.
import { run } from '../src/lib/cli/main.ts'

await run(import.meta.url, process.argv.slice(2), { development: true })
