/**
 * What a field may be, said in our words: a validator's own ("Invalid input: expected number") are for programmers and
 * never reach a person. Whoever parses with zod hands `inOurWords` to it; a message of the schema itself wins over these.
 */
import * as z from 'zod'

/** A field without its default and without what makes it optional. */
interface CoreField {
  readonly core: z.ZodType
  readonly isList: boolean
  readonly default: unknown
}

/** Takes off what wraps the type of a field; one that takes a list or one of it is a list. */
export function coreField(field: z.ZodType): CoreField {
  let core = field
  let fallback: unknown
  let isList = false
  for (;;) {
    if (core instanceof z.ZodDefault) {
      fallback = core.def.defaultValue
      core = core.def.innerType as z.ZodType
    } else if (core instanceof z.ZodOptional) core = core.def.innerType as z.ZodType
    else if (core instanceof z.ZodPipe) core = core.def.in as z.ZodType
    else if (core instanceof z.ZodArray) {
      isList = true
      core = core.def.element as z.ZodType
    } else if (core instanceof z.ZodUnion && core.options[0] instanceof z.ZodArray) core = core.options[0]
    else return { core, isList, default: fallback }
  }
}

/**
 * What a value must be, to follow the name of its parameter.
 *
 * @example
 * fieldFault(z.int().min(1).max(1000).default(10)) // 'must be a whole number from 1 to 1000'
 */
function fieldFault(field: z.ZodType): string {
  const { core, isList } = coreField(field)
  if (core instanceof z.ZodBoolean) return 'must be true or false'
  if (core instanceof z.ZodEnum) return `must be ${oneOf(core.options.map(String))}`
  if (core instanceof z.ZodNumber) return `must be ${numberKind(core)}${numberRange(core)}`
  if (core instanceof z.ZodISODate) return 'must be a day such as 2025-08-31'
  if (core instanceof z.ZodDate) return 'must be an instant'
  if (core instanceof z.ZodString) return isList ? 'must be a text, or several' : `must be a text${textLength(core)}`
  if (core instanceof z.ZodObject || core instanceof z.ZodRecord) {
    return isList ? 'must be a list of at least one' : 'must be a map of names to values'
  }
  return isList ? 'must be a list of at least one' : 'has a value that is not allowed here'
}

/** A text as a number; what is none stays text, for a schema to refuse. */
export function numberFromText(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

/** The error map for `safeParse` of an object: each fault in the words for its field. */
export function inOurWords(fields: Readonly<Record<string, z.ZodType>>) {
  return ({ path = [] }: { path?: PropertyKey[] | undefined }): string => {
    const field = fields[String(path[0])]
    return field === undefined ? 'has a value that is not allowed here' : fieldFault(field)
  }
}

/** `a, b or c`. */
function oneOf(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

function numberKind(field: z.ZodNumber): string {
  return field.isInt ? 'a whole number' : 'a number'
}

function numberRange({ minValue, maxValue }: z.ZodNumber): string {
  // What JavaScript can count to is no limit of ours.
  const least = minValue !== null && minValue > Number.MIN_SAFE_INTEGER ? minValue : undefined
  const most = maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER ? maxValue : undefined
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`
  if (least !== undefined) return ` that is at least ${least}`
  return most === undefined ? '' : ` that is at most ${most}`
}

function textLength({ minLength, maxLength }: z.ZodString): string {
  if (maxLength !== null) return ` of ${minLength ?? 0} to ${maxLength} characters`
  return minLength === null || minLength === 0 ? '' : ' that is not empty'
}
