/**
 * Every error that `ea` tells a person, in one catalogue: its code, its exit code, its HTTP status, what it means
 * and what to do next. An `EaError` carries a code of it; anything else that is thrown is a bug (exit 1).
 * `docs/errors.md` is generated from here, and a test provokes every code through the binary.
 */

export interface CatalogueEntry {
  /** The exit code of the command: see the table of exit codes in the guide. */
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 75 | 130 | 143
  /** The HTTP status of the same error. */
  readonly http: number
  /** What it means, one sentence. */
  readonly meaning: string
  /** What to do next, one sentence. */
  readonly next: string
}

export const catalogue = {
  // A bug
  internal_error: {
    exit: 1,
    http: 500,
    meaning: 'An unexpected error: this is a bug.',
    next: 'Run it again with DEBUG=ea* and report what it prints.',
  },
  accounting_mismatch: {
    exit: 1,
    http: 500,
    meaning: 'The counts of a batch do not add up, so it was not completed.',
    next: 'Report it with the output of `ea batches show`; the batch is undone by the next import.',
  },
  // Usage and configuration
  usage: {
    exit: 2,
    http: 400,
    meaning: 'A flag or an argument is missing, unknown or malformed.',
    next: 'Read the help of the command: `ea help COMMAND`.',
  },
  answer_too_large: {
    exit: 2,
    http: 400,
    meaning: 'The answer would have more numbers or rows than an answer may have; nothing of it was computed.',
    next: 'Ask for a shorter range, longer windows, or fewer keys, windows or users.',
  },
  sql_refused: {
    exit: 2,
    http: 400,
    meaning: 'PostgreSQL refused the statement of `ea sql`.',
    next: 'Fix what the message names; `ea sql "SELECT * FROM visible_events LIMIT 1"` shows the columns of events.',
  },
  output_unwritable: {
    exit: 2,
    http: 500,
    meaning: 'The file of --output cannot be written.',
    next: 'Name a file in a folder that exists and that you may write to.',
  },
  check_file_invalid: {
    exit: 2,
    http: 400,
    meaning: 'A check file is not valid YAML, or names something that does not exist; nothing in it was checked.',
    next: 'Fix the lines that are named; `ea check init` writes a file to start from.',
  },
  // Input: what cannot be read or is not recognised
  file_not_found: {
    exit: 4,
    http: 400,
    meaning: 'No file has this path, or no file matches this pattern.',
    next: 'Check the path; put a pattern in quotes so that ea expands it.',
  },
  file_not_readable: {
    exit: 4,
    http: 400,
    meaning: 'The file exists but cannot be read: no permission, not a file or a pipe, or a disk error.',
    next: 'Check the permissions of the file (`ls -l`), or read it with another program: `cat FILE | ea import -`.',
  },
  no_input_files: {
    exit: 4,
    http: 400,
    meaning: 'The folder or the archive contains no file that can be imported.',
    next: 'Name the files, or give them one of the endings .csv .tsv .ndjson .jsonl .json (also with .gz, .zst or .br) .parquet.',
  },
  file_corrupt: {
    exit: 4,
    http: 400,
    meaning: 'The compressed file or the archive is cut off or damaged.',
    next: 'Test it with `gzip -t FILE`, `zstd -t FILE`, `unzip -t FILE` or `tar -tf FILE`, and fetch it again.',
  },
  archive_encrypted: {
    exit: 4,
    http: 400,
    meaning: 'The archive, or a file in it, is encrypted.',
    next: 'Unpack it with its password (`7z x -oFOLDER FILE`), and import the folder: `ea import FOLDER`.',
  },
  archive_unsafe: {
    exit: 4,
    http: 400,
    meaning:
      'The archive is not one of data: a name leads out of it, two files share bytes or a name, or it unpacks to more than data can shrink.',
    next: 'If you trust it, unpack it with another program, and import the folder: `ea import FOLDER`.',
  },
  compression_unsupported: {
    exit: 4,
    http: 400,
    meaning: 'This version of Node, or ea, does not support this compression.',
    next: 'Decompress it with another program: `zstd -dc FILE | ea import -`.',
  },
  duckdb_missing: {
    exit: 4,
    http: 400,
    meaning: 'Parquet and the column store need DuckDB, and its package is not installed or does not run here.',
    next: 'Install it where ea is installed: `npm install @duckdb/node-api` (with -g if ea was), or convert the file to NDJSON.',
  },
  encoding_error: {
    exit: 4,
    http: 400,
    meaning: 'The file is not valid text in the given or detected encoding.',
    next: 'Give the right encoding with --encoding, for example `--encoding windows-1252`.',
  },
  not_recognised: {
    exit: 4,
    http: 400,
    meaning: 'The content is neither CSV, TSV, NDJSON nor a JSON array.',
    next: 'Check the file, or give its format with --format and --delimiter.',
  },
  header_invalid: {
    exit: 4,
    http: 400,
    meaning: 'The first record of the CSV is not a usable header: a name is empty or repeated, or the record is data.',
    next: 'Give the file a header line with one name for each column.',
  },
  missing_column: {
    exit: 4,
    http: 400,
    meaning: 'The file lacks a column that an event needs or that a flag names.',
    next: 'Say which column holds it: `--map occurred_at=event_time`.',
  },
  // Rollups
  rollups_differ: {
    exit: 1,
    http: 500,
    meaning: 'The rollups do not match the events, so they could not be refreshed or verified.',
    next: 'Run `ea db rebuild`, which computes them again from the events.',
  },
  content_differs: {
    exit: 1,
    http: 500,
    meaning: 'Stored events are not what the file of their batch says.',
    next: 'Import the file again: `ea import --again BATCH`. If nobody changed the events by hand, please report it.',
  },
  rollup_not_found: {
    exit: 2,
    http: 404,
    meaning: 'There is no on-demand rollup of this property or event type.',
    next: 'List the rollups: `ea rollups list`.',
  },
  too_many_rollups: {
    exit: 2,
    http: 409,
    meaning: 'A schema cannot have this many on-demand rollups; each one makes every import slower.',
    next: 'Remove those that are not used: `ea rollups list`, then `ea rollups remove FIELD`.',
  },
  // Database
  database_unreachable: {
    exit: 5,
    http: 503,
    meaning: 'The database does not answer or refuses the connection.',
    next: 'Check DATABASE_URL and that the server runs.',
  },
  database_refused: {
    exit: 5,
    http: 503,
    meaning: 'The database answers but refuses: no permission, no memory, read-only, or a timeout that was set for it.',
    next: 'Read the message of the server; for missing rights the error names the GRANT statements that give them.',
  },
  database_not_migrated: {
    exit: 5,
    http: 503,
    meaning: 'The schema has no tables of `ea`, or those of an older release.',
    next: 'Run `ea db migrate`.',
  },
  database_newer: {
    exit: 5,
    http: 503,
    meaning: 'A newer release of `ea` has migrated the schema, so this one writes nothing to it.',
    next: 'Update `ea` here to that release; questions are still answered, with a warning.',
  },
  database_too_old: {
    exit: 5,
    http: 503,
    meaning: 'The server is older than PostgreSQL 16.',
    next: 'Use PostgreSQL 16 or newer, or leave DATABASE_URL unset to use the embedded one.',
  },
  disk_full: {
    exit: 5,
    http: 507,
    meaning: 'The disk of the database has no space left.',
    next: 'Free some space and run it again: nothing that was committed is lost.',
  },
  data_dir_unwritable: {
    exit: 5,
    http: 503,
    meaning: 'The folder of the embedded database cannot be written.',
    next: 'Give the folder to the user who runs ea, or name another one with EA_DATA_DIR.',
  },
  data_dir_unreachable: {
    exit: 5,
    http: 503,
    meaning: 'The embedded database runs as an unprivileged user, and that user cannot reach its folder.',
    next: 'Name a folder that every user can reach, for example EA_DATA_DIR=/var/lib/ea.',
  },
  data_dir_other_version: {
    exit: 5,
    http: 503,
    meaning: 'The folder holds the data of another PostgreSQL major than the embedded one.',
    next: 'Dump the events with that PostgreSQL and restore them here, or name another folder with EA_DATA_DIR.',
  },
  embedded_unsupported_platform: {
    exit: 5,
    http: 503,
    meaning: 'There is no embedded PostgreSQL for this platform, or its package is not installed.',
    next: 'Use a server of your own: set DATABASE_URL.',
  },
  embedded_start_failed: {
    exit: 5,
    http: 503,
    meaning: 'The embedded database does not start or does not stop.',
    next: 'Read the end of its log, which is in the message.',
  },
  // Interrupted
  interrupted: {
    exit: 130,
    http: 503,
    meaning: 'Ctrl-C ended the command; work in progress was rolled back or can be resumed.',
    next: 'Run it again.',
  },
  terminated: {
    exit: 143,
    http: 503,
    meaning: 'The system asked the process to end (SIGTERM, SIGHUP).',
    next: 'Run it again.',
  },
  // Batches
  batch_not_found: {
    exit: 2,
    http: 404,
    meaning: 'There is no batch with this number.',
    next: 'See the batches: `ea batches list`.',
  },
  batch_not_undoable: {
    exit: 2,
    http: 409,
    meaning: 'Only a completed batch has events that can be removed.',
    next: 'See its status: `ea batches show ID`.',
  },
  import_busy: {
    exit: 75,
    http: 503,
    meaning: 'Another import, undo or rebuild holds the lease of this schema.',
    next: 'Try again later, or wait for it: `--wait 5m`.',
  },
  lock_timeout: {
    exit: 75,
    http: 503,
    meaning: 'Another process held a lock in the database for longer than --lock-timeout allows; nothing was changed.',
    next: 'Run it again later, or end what holds the lock.',
  },
  lease_lost: {
    exit: 75,
    http: 503,
    meaning: 'This process did not answer for 15 seconds, and another one took its lease.',
    next: 'Run the same command again; the message says whether the batch was kept or discarded.',
  },
  // Import
  rejects_over_budget: {
    exit: 3,
    http: 422,
    meaning: 'More records were rejected than --max-rejects allows, so nothing of the file is imported.',
    next: 'Fix the records, or allow them with `--max-rejects` and keep them with `--rejects-file`.',
  },
  file_changed: {
    exit: 4,
    http: 422,
    meaning:
      'The file changed while it was read, or since the import that is to be done over; nothing of it is imported.',
    next: 'Import it again when no program is writing to it.',
  },
  // HTTP: what `ea serve` answers; the exit code is that of a command that meets the same
  malformed_body: {
    exit: 2,
    http: 400,
    meaning: 'The request body is not valid JSON or NDJSON; nothing was stored.',
    next: 'Send an array of events, {"events": […]}, or NDJSON with the type application/x-ndjson.',
  },
  unauthorized: {
    exit: 2,
    http: 401,
    meaning: 'The request has no key or token, or the key or token is unknown, revoked or expired.',
    next: 'Send `Authorization: Bearer KEY` or `X-API-Key: KEY`; make a key with `ea keys create NAME`.',
  },
  forbidden: {
    exit: 2,
    http: 403,
    meaning: 'The key or token is valid, but does not have the required scope.',
    next: 'Use a key that has the scope: `ea keys create NAME --scope SCOPE`.',
  },
  origin_refused: {
    exit: 2,
    http: 403,
    meaning: 'A page of a website sends events that may not send any here; nothing was stored.',
    next: 'Start the server with --cors-origin and the origin of the page, if it is to send events.',
  },
  jwks_unavailable: {
    exit: 5,
    http: 503,
    meaning: 'The keys of the token issuer cannot be fetched or used, so tokens cannot be verified.',
    next: 'Check the URL of the key set and that its server answers; API keys work all the same.',
  },
  not_found: {
    exit: 2,
    http: 404,
    meaning: 'The server has nothing at this path.',
    next: 'See the routes: /openapi.json, or /docs in a browser.',
  },
  method_not_allowed: {
    exit: 2,
    http: 405,
    meaning: 'This path does not support this method.',
    next: 'Use one of the methods in the Allow header.',
  },
  not_acceptable: {
    exit: 2,
    http: 406,
    meaning: 'The answer is not available in any of the types in the Accept header.',
    next: 'Accept application/json, application/x-ndjson or text/csv.',
  },
  request_timeout: {
    exit: 2,
    http: 408,
    meaning: 'The request did not arrive in time.',
    next: 'Send it again, faster or in smaller pieces.',
  },
  body_too_large: {
    exit: 2,
    http: 413,
    meaning: 'The request body, decompressed, is larger than the server accepts.',
    next: 'Send the events in several requests, or start the server with a larger --body-limit.',
  },
  headers_too_large: {
    exit: 2,
    http: 431,
    meaning: 'The URL and the headers of the request are larger than 16 kB together.',
    next: 'Send a shorter URL and fewer headers; put long values in the body.',
  },
  unsupported_media_type: {
    exit: 2,
    http: 415,
    meaning: 'The request body has a type or a compression that the server does not support.',
    next: 'Send application/json or application/x-ndjson, uncompressed or with gzip.',
  },
  idempotency_key_reused: {
    exit: 2,
    http: 422,
    meaning: 'The Idempotency-Key was used before, with another body.',
    next: 'Use a new key for each new body.',
  },
  rate_limited: {
    exit: 75,
    http: 429,
    meaning: 'This key or address sent more requests than the rate limit allows.',
    next: 'Wait for the time in Retry-After; send more events in each request.',
  },
  query_timeout: {
    exit: 5,
    http: 503,
    meaning: 'The database took longer to answer than --query-timeout allows.',
    next: 'Ask for a shorter range, in the time zone of the rollups and without segments, or allow more time.',
  },
  server_busy: {
    exit: 75,
    http: 503,
    meaning: 'The server is overloaded or shutting down.',
    next: 'Send it again after the time in Retry-After.',
  },
  spool_full: {
    exit: 5,
    http: 503,
    meaning: 'The database does not accept the events, and the disk of the spool is full; nothing was stored.',
    next: 'Send them again after the time in Retry-After; free disk space on the server.',
  },
  spool_in_use: {
    exit: 75,
    http: 503,
    meaning: 'Another process is using the spool of this database: a running `ea serve` drains it itself.',
    next: 'Wait for it, or stop it first.',
  },
  no_authentication: {
    exit: 2,
    http: 500,
    meaning: 'The server would listen beyond this machine without authentication.',
    next: 'Make a key with `ea keys create NAME`, configure JWTs, or listen on 127.0.0.1; --insecure skips this check.',
  },
  address_in_use: {
    exit: 2,
    http: 500,
    meaning: 'The server cannot listen on this address and port.',
    next: 'Choose another port with --port; 0 takes any free port.',
  },
  key_not_found: {
    exit: 2,
    http: 404,
    meaning: 'There is no such API key.',
    next: 'See the keys: `ea keys list`.',
  },
  key_exists: {
    exit: 2,
    http: 409,
    meaning: 'A key with this name already exists.',
    next: 'Choose another name, or revoke the old one: `ea keys revoke NAME`.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof catalogue

/**
 * An error for a person: what, where, and what to do next.
 *
 * @example
 * throw new EaError('usage', 'windows must be 1 to 1000, not 0', { suggestions: ['--windows 8'] })
 */
export class EaError extends Error {
  readonly code: ErrorCode
  /** What to do next, most likely first; the catalogue's `next` when none is given. */
  readonly suggestions: readonly string[]
  /** More for programs: goes into `error` of the JSON beside code, message and suggestions. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { suggestions?: readonly string[]; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EaError'
    this.code = code
    this.suggestions = options.suggestions ?? [catalogue[code].next]
    this.details = options.details ?? {}
  }

  /** The exit code that belongs to the code. */
  get exitCode(): number {
    return catalogue[this.code].exit
  }
}
