/**
 * What the server writes to its log: one JSON line for each answered request, and errors that those who run it should
 * see. Bodies, headers and keys never get there: a line is made of the few fields named here and of nothing else.
 */
import {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import { loggableUrl, withoutValues } from './loggable.js'
import type { ServeOptions } from './options.js'

/** Takes lines of the log, each with its line break. */
export interface LogSink {
  write(line: string): void
}

/** The options of Fastify that concern the log; none of it is written without a sink. */
export function loggingOptions(level: ServeOptions['logLevel'], sink: LogSink | undefined): FastifyServerOptions {
  const logController = new RequestLog()
  if (sink === undefined || level === 'silent') return { logger: false, logController }
  return {
    logController,
    logger: {
      level,
      stream: sink,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
  }
}

/** An error without the fields that drivers hang on it: they can hold values of a statement. */
function describeError(error: Error & { code?: string }): { type: string; message: string; stack: string } {
  const cause = error.cause instanceof Error ? `\ncaused by: ${error.cause.stack}` : ''
  return {
    type: error.name,
    message: withoutValues(error.message),
    ...(error.code === undefined ? {} : { code: error.code }),
    stack: withoutValues(`${error.stack ?? ''}${cause}`),
  }
}

/** Says that the keys cannot be read, and with undefined that they can again. */
export function logKeysUnread(failure: Error | undefined, log: FastifyBaseLogger): void {
  if (failure === undefined) log.info('the keys can be read again')
  else
    log.warn(
      { reason: withoutValues(failure.message) },
      'the keys cannot be read: those that are revoked now go on to work',
    )
}

/** One line when a request is done, instead of Fastify's two with all headers. */
class RequestLog extends LogController {
  constructor() {
    super({ requestIdLogLabel: 'request_id' })
  }

  override incomingRequest(): void {}

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const line = {
      method: request.method,
      url: loggableUrl(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...(request.principal ? { principal: request.principal.name } : {}),
      address: request.ip,
    }
    if (error) request.log.warn({ ...line, err: error }, 'answer cut off')
    else if (request.routeOptions.config?.isProbe) request.log.debug(line, 'request')
    else request.log.info(line, 'request')
  }

  override routeNotFound(): void {}

  // The server's own error handler has written what there is to say.
  override defaultErrorLog(): void {}
}
