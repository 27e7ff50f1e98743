/** The forms in which a list of rows can be had: the parameter `format`, and a content for each media type. */

import { type AnswerFormat, mediaTypes, wireFormats } from '../http/negotiate.js'
import { object, type Schema, text } from './schemas.js'

const describedForms = {
  ndjson: 'One line for each row.',
  csv: 'A header, and one record for each row (RFC 4180).',
  md: 'A table.',
  svg: 'A chart.',
} as const satisfies Record<Exclude<AnswerFormat, 'json'>, string>

/** The parameter that chooses the form. */
export function formatParameter(formats: readonly AnswerFormat[] = wireFormats): Schema {
  return {
    name: 'format',
    in: 'query',
    required: false,
    description: 'The form of the answer; without it the header Accept decides.',
    schema: { type: 'string', enum: formats },
  }
}

/**
 * The content of a response, by media type.
 *
 * @param json the schema of the whole answer as JSON
 * @param example of the same
 */
export function contentIn(formats: readonly AnswerFormat[], json: Schema, example?: object): Schema {
  return Object.fromEntries(
    formats.map((format) => [
      mediaTypes[format],
      format === 'json'
        ? { schema: json, ...(example === undefined ? {} : { example }) }
        : { schema: { ...text, description: describedForms[format] } },
    ]),
  )
}

/** What `metric`, `data` and `meta` hold, as in every answer with rows. */
export function answerSchema(metric: string, data: Schema, meta: Schema): Schema {
  return object({ metric: { const: metric }, data, meta })
}
