import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { builtOnce, ea } from '../support/binary.js'

interface ManifestCommand {
  id: string
  summary?: string
  examples?: string[]
  flags: Record<string, { description?: string; hasDynamicHelp?: boolean }>
  args: Record<string, { description?: string }>
}
let commands: ManifestCommand[]

beforeAll(async () => {
  await builtOnce()
  commands = Object.values(JSON.parse(readFileSync('oclif.manifest.json', 'utf8')).commands)
})

test('every command has a summary and an example that calls it', () => {
  for (const { id, summary, examples } of commands) {
    expect(summary, id).toMatch(/^[A-Z].*[^.]$/)
    expect(examples?.join('\n'), id).toContain(id.replaceAll(':', ' '))
  }
})

test('every flag and argument has a description', () => {
  for (const { id, flags, args } of commands) {
    for (const [name, { description }] of [...Object.entries(flags), ...Object.entries(args)]) {
      expect(description, `${id} ${name}`).toMatch(/^\S.*\S$/s)
    }
  }
})

test('no help loads its command: the manifest knows all', () => {
  const dynamic = commands.filter(({ flags }) => Object.values(flags).some((flag) => flag.hasDynamicHelp))
  expect(dynamic.map(({ id }) => id)).toEqual([])
})

test('every command prints its help', async () => {
  for (const { id, summary } of commands) {
    const ended = await ea([...id.split(':'), '--help'])
    expect(ended, id).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain(summary)
    expect(ended.stdout).toContain('EXAMPLES')
  }
})
