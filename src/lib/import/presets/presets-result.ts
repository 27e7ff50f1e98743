/** The presets as a Result, for every way to show one. */
import type { Result } from '../../core/result.js'
import { listPresets } from './presets.js'

/** Name and purpose of each preset that comes with `ea`. */
export async function presetsResult(): Promise<Result> {
  const presets = await listPresets()
  return {
    metric: 'presets',
    columns: [
      { name: 'preset', kind: 'text' },
      { name: 'about', kind: 'text' },
    ],
    data: presets.map(({ name, about }) => ({
      preset: name,
      about: about.replace(/ \((https?:[^)]*)\)/g, '').split(/(?<=\.) /)[0]!,
    })),
    meta: {},
  }
}
