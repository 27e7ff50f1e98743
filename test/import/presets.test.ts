import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listPresets, readPreset } from '../../src/lib/import/presets/presets.js'
import { changedOptions, optionFlags } from '../../src/lib/import/reading/stored-reading.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'

describe('the presets of the package', () => {
  test('each can be read, says where it comes from and what it is known by', async () => {
    const presets = await listPresets()
    expect(presets.map(({ name }) => name)).toEqual(
      readdirSync('presets')
        .sort()
        .map((file) => file.replace('.yaml', '')),
    )
    for (const { name, about, recognise, options } of presets) {
      expect([name, about]).toEqual([name, expect.stringMatching(/https:\/\//)])
      expect([name, recognise !== null, options.map?.occurred_at !== undefined]).toEqual([name, true, true])
    }
  })

  test('flags win: a map changes the fields that it names, an id ends a derived one', async () => {
    const { options } = await readPreset('mixpanel')
    const changed = changedOptions(options, {
      map: parseMap('user_id=properties.$user_id'),
      idFrom: parseIdFrom("'mp',event"),
    })
    expect(optionFlags(changed)).toBe(
      ` --map 'user_id=properties.$user_id,event_type=event,occurred_at=properties.time' --id-from "'mp',event"`.replace(
        'user_id=properties.$user_id,event_type=event,occurred_at=properties.time',
        'occurred_at=properties.time,user_id=properties.$user_id,event_type=event',
      ),
    )
  })
})

describe('a preset of somebody', () => {
  const read = (text: string) =>
    withScratchFolder(async (folder) => {
      const path = join(folder, 'mine.yaml')
      await writeFile(path, text)
      return readPreset(path)
    })

  test('has flags as keys; every value is a text', async () => {
    const { options } = await read(
      `about: mine\nformat: csv\ndelimiter: ';'\nskip-lines: 2\nnull: ['-', null, no]\ncolumns: [a, "b c"]\ndrop: x.y\ntypes: {c: number, d.e: json}\nmap: {user_id: 'a | b', properties: [a, rest]}\nid: '*,#'\n`,
    )
    expect(options).toMatchObject({ delimiter: ';', skipLines: 2, nulls: ['-', 'null', 'no'], columns: ['a', 'b c'] })
    expect(optionFlags(options)).toContain('--drop x.y --types c=number,d.e=json ')
    expect((await read('types: [c=number, d.e=json]')).options.types).toEqual(options.types)
    expect(optionFlags(options)).toContain(`--map 'user_id=a|b,properties=[a, rest]' --id-from '*,#'`)
  })

  test.each([
    ['abuot: x', /unknown key abuot/],
    ['about: x\nmap: {user: a}', /unknown key map\.user/],
    ['about: x\nmap: {user_id: "a |"}', /map\.user_id, at its end: a name is missing/],
    ['about: x\ntypes: c=nmber', /types, at character 3 \(nmber\): "nmber" is not a type.*perhaps number/],
    ['about: x\ntypes: [c=number, c=json]', /c has two types/],
    ['about: x\ntypes: c', /after c come = and a type/],
    ['about: x\ntime: YYYY', /--time-format "YYYY" has YYYY but not/],
    ['about: x\ntimezone: Mars', /no time zone/],
    ['about: x\nrecognise: {line: "("}', /recognise\.line/],
    ['about: [', /is not YAML/],
    ['[]', /mine\.yaml/],
  ])('%j is refused', async (text, message) => {
    const error = await errorOf(() => read(text))
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
  })

  test('that is not there, and a name that is none', async () => {
    expect((await errorOf(() => readPreset('./none.yaml'))).code).toBe('file_not_found')
    const error = await errorOf(() => readPreset('mixpannel'))
    expect([error.code, error.suggestions]).toEqual(['usage', ['Perhaps: --preset mixpanel']])
  })
})
