/** `--preset` and the flags beside it, which win over it. */
import { withReadingDefaults } from '../../import/options.js'
import type { ReadingOptions } from '../../import/reading/parse-options.js'
import { changedOptions } from '../../import/reading/stored-reading.js'
import { type ReadingFlags, readingOptions } from './import-flags.js'

/**
 * The flags that say how a source is read as options of the library, with a preset below them.
 *
 * @param isGiven whether a flag was given, rather than being its default
 * @throws EaError `usage`, `file_not_found`
 */
export async function readingOptionsWith(
  flags: ReadingFlags,
  isGiven: (flag: keyof ReadingFlags) => boolean,
): Promise<ReadingOptions> {
  const options = readingOptions(flags)
  if (flags.preset === undefined) return options
  // YAML, which no other import needs.
  const { readPreset } = await import('../../import/presets/presets.js')
  const preset = await readPreset(flags.preset)
  const { timezone, timeFormat, maxRecordBytes, ...rest } = options
  const given: Partial<ReadingOptions> = {
    ...rest,
    ...(isGiven('timezone') && { timezone }),
    ...(isGiven('time-format') && { timeFormat }),
  }
  return withReadingDefaults({ ...changedOptions(preset.options, given), maxRecordBytes })
}
