/** What the commands under `ea columns` read and tell. */
import type { ColumnsState } from '../../columns/add-remove.js'
import type { ColumnsBuilt } from '../../columns/build.js'
import { EaError } from '../../core/errors.js'
import { counted, human, tookText } from '../../present/tables/cell-text.js'
import { fieldText } from '../../stats/filter/filter-parser.js'
import { parseRollupField } from '../rollups/rollup-field-text.js'

/**
 * The properties of a list: `country, properties.os`.
 *
 * @throws EaError `usage`
 */
export function parseProperties(text: string): (readonly string[])[] {
  return text.split(',').map((name) => {
    const trimmed = name.trim()
    const subject = parseRollupField(/^properties\b/.test(trimmed) ? trimmed : `properties.${trimmed}`)
    if (subject.kind === 'property') return subject.path
    throw new EaError('usage', `${trimmed} is not a property.`)
  })
}

/** A property as a person writes it. */
export const propertyName = (path: readonly string[]) => fieldText({ kind: 'property', path })

const namesText = (properties: readonly (readonly string[])[]) =>
  properties.length === 0
    ? 'no properties'
    : properties.map((path) => human(propertyName(path), 'text', false)).join(', ')

/** Which properties are in the store. */
export const addedColumnsText = (properties: readonly (readonly string[])[]) =>
  `Columns: user, time, event type, ${namesText(properties)}.`

/** What a build made; undefined when there is nothing to build, or another process does it. */
export function builtText(built: ColumnsBuilt | undefined): string {
  if (built === undefined) return 'Nothing was built: there is no column store, or another process is building it.'
  const { files, events, bytes, written, seconds } = built
  const now = `${counted(files, 'file')} with ${counted(events, 'event')}, ${human(bytes, 'bytes', true)}`
  return `${counted(written, 'event')} written in ${tookText(seconds)}; now ${now}.`
}

/** The same with the names of the JSON. */
export function builtJson(built: ColumnsBuilt | undefined) {
  if (built === undefined) return { built: false }
  return { built: true, ...built, seconds: Math.round(built.seconds * 1000) / 1000 }
}

export function stateJson(state: ColumnsState | undefined) {
  if (state === undefined) return { kept: false }
  const { folder, list, events, tailEvents } = state
  return {
    kept: true,
    folder,
    properties: list.properties.map(propertyName),
    files: list.files.length,
    bytes: list.files.reduce((sum, { bytes }) => sum + bytes, 0),
    events,
    tail_events: tailEvents,
  }
}

export function stateText(state: ColumnsState | undefined): string {
  if (state === undefined) return 'There is no column store; `ea columns add` makes one.'
  const { folder, list, events, tailEvents } = state
  const bytes = list.files.reduce((sum, file) => sum + file.bytes, 0)
  return [
    addedColumnsText(list.properties),
    `${counted(list.files.length, 'file')} with ${counted(events, 'event')}, ${human(bytes, 'bytes', true)}, in ${folder}`,
    ...(tailEvents === 0 ? [] : [`${counted(tailEvents, 'event')} not in a file yet; \`ea columns build\` adds them.`]),
  ].join('\n')
}
