/**
 * The flags of a check that is written on the command line: those of all stats together, because which stat it is stands
 * in another flag. What a stat does not know is refused when it is read.
 */
import { Flags } from '@oclif/core'
import { type Check, type Severity, severities, type UnknownVerdict } from '../../checks/file/check.js'
import { inlineChecks } from '../../checks/file/inline.js'
import { type Overrides, readOverrides } from '../../checks/file/read-check.js'
import { EaError } from '../../core/errors.js'
import { stats } from '../../stats/catalog.js'
import { kebab, type Param, paramsOf } from '../../stats/query/params.js'

const group = { helpGroup: 'INLINE CHECK' }

/** Every parameter of any stat by its flag, with the stats that have it. */
const statParams = new Map<string, { params: Param[]; of: string[] }>()
for (const stat of stats) {
  for (const param of paramsOf(stat.params)) {
    const flag = kebab(param.name)
    const known = statParams.get(flag) ?? { params: [], of: [] }
    statParams.set(flag, { params: [...known.params, param], of: [...known.of, stat.name] })
  }
}

/** What a file leaves to the command line: these win over what it says. */
const clockFlags = ['tz', 'as-of']

export const inlineFlags = {
  stat: Flags.string({
    ...group,
    description: `The stat to check: ${stats.map(({ name }) => name).join(', ')}; leave out for freshness, rejected and duplicates.`,
    helpValue: 'STAT',
  }),
  assert: Flags.string({
    ...group,
    description: 'The assertion: unique_users >= 1000, freshness <= 26h; repeatable, each is a check.',
    multiple: true,
  }),
  severity: Flags.string({
    ...group,
    description: 'The result of a check whose assertion is false.',
    options: [...severities],
  }),
  'min-base': Flags.string({
    ...group,
    description: 'The smallest number of users or events that can decide a check.',
    helpValue: 'N',
  }),
}

export const paramFlags = Object.fromEntries([...statParams].map(([flag, known]) => [flag, flagOf(flag, known)]))

function flagOf(flag: string, { params, of }: { params: readonly Param[]; of: readonly string[] }) {
  const isClock = clockFlags.includes(flag)
  const whose = of.length === stats.length ? '' : ` (${of.join(', ')})`
  const description = `${params[0]!.description}${whose}${isClock ? ' With files: wins over what they say.' : ''}`
  const options = { ...(isClock ? {} : { helpGroup: 'STAT PARAMETER' }), description }
  if (params[0]!.kind === 'flag') return Flags.boolean(options)
  const isList = params.some((param) => param.isList)
  // The overloads for one value and for many differ only in types.
  return Flags.string({ ...options, multiple: isList } as typeof options)
}

/** The parsed flags, of which only these matter here. */
type Given = Readonly<Record<string, unknown>>

/**
 * The checks of the command line, or undefined when its flags ask for none.
 *
 * @throws EaError `usage` with everything that is wrong
 */
export function checksOfFlags(flags: Given, overrides: Overrides): Check[] | undefined {
  const {
    stat,
    assert = [],
    severity,
    'min-base': minBase,
  } = flags as {
    stat?: string
    assert?: string[]
    severity?: Severity
    'min-base'?: string
  }
  const given = [...statParams.keys()].filter((flag) => flags[flag] !== undefined)
  if (assert.length === 0) {
    const idle = [...Object.keys(inlineFlags), ...given].filter(
      (flag) => flags[flag] !== undefined && !clockFlags.includes(flag),
    )
    if (idle.length === 0) return undefined
    throw new EaError('usage', `--${idle[0]} belongs to a check of the command line, and --assert is missing.`, {
      suggestions: ["Say what must hold: --stat dau --from -7d --assert 'min(unique_users) >= 100'."],
    })
  }
  const params = Object.fromEntries(given.map((flag) => [`--${flag}`, flags[flag]]))
  return inlineChecks({ stat, params, assert, severity, minBase }, overrides)
}

/**
 * What the flags put above what files say.
 *
 * @throws EaError `usage`
 */
export function overridesOf(flags: Given): Overrides {
  const { tz, 'as-of': asOf, 'on-unknown': onUnknown } = flags as Partial<Record<string, string>>
  return readOverrides({ tz, asOf, onUnknown: onUnknown as UnknownVerdict | undefined }, (name) => `--${kebab(name)}`)
}
