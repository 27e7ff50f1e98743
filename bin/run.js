#!/usr/bin/env node
import { run } from '../dist/lib/cli/main.js'

await run(import.meta.url, process.argv.slice(2))
