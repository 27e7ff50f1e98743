/** The library's public face: what a program may import from `event-analytics`. */
export { type BatchDetail, describeBatch, previewUndo, type UndoPreview } from './lib/batches/detail.js'
export {
  type ForgottenRollup,
  forgetRollups,
  type KeptRollup,
  keepRollups,
} from './lib/batches/kept-rollups.js'
export type { LeaseHolder, LeaseRequest } from './lib/batches/lease.js'
export { type Batch, getBatch, listBatches } from './lib/batches/registry.js'
export { eachReject, listRejects } from './lib/batches/rejects.js'
export { type ListedRollup, listRollups, type RollupSizes } from './lib/batches/rollup-listing.js'
export { type Undone, undoBatch } from './lib/batches/undo.js'
export { type ChartOptions, chartSvg, hasChart, standaloneSvg } from './lib/charts/chart.js'
export { chartVariables } from './lib/charts/colors.js'
export { type CheckSource, parseCheckFile } from './lib/checks/check-file.js'
export { type InitOptions, initChecks } from './lib/checks/init.js'
export type { CheckReport, Outcome, Status } from './lib/checks/outcome.js'
export type { Overrides } from './lib/checks/read-check.js'
export { type RunOptions, runChecks } from './lib/checks/run.js'
export type { Check, Place, Severity, UnknownVerdict } from './lib/checks/spec.js'
export { type Config, type GivenConfig, parseConfig } from './lib/config.js'
export type { Database } from './lib/db/connect.js'
export type { TakeBytes } from './lib/db/copy-out.js'
export { migrate } from './lib/db/migrate.js'
export { type OpenOptions, withDatabase } from './lib/db/open.js'
export { type CatalogueEntry, catalogue, EaError, type ErrorCode } from './lib/errors.js'
export type { EventField, Reject, RejectCode } from './lib/event.js'
export { type Exported, exportEvents } from './lib/export/export.js'
export { importFiles } from './lib/import/import.js'
export { type InspectedRecord, type Inspection, type InspectOptions, inspectFile } from './lib/import/inspect.js'
export type { RejectBudget } from './lib/import/ledger.js'
export { type FieldMap, type IdFrom, parseIdFrom, parseMap } from './lib/import/map-grammar.js'
export {
  type FileOutcome,
  type ImportEvent,
  type ImportOptions,
  type ImportOutcome,
  type ImportStatus,
  importDefaults,
} from './lib/import/options.js'
export type { ReadingOptions } from './lib/import/reading.js'
export { parseTimeFormat, type TimeFormat } from './lib/import/time-format.js'
export { type Format, formats, type RenderOptions } from './lib/render/formats.js'
export { render } from './lib/render/render.js'
export { reportHtml } from './lib/report/html.js'
export { reportMarkdown } from './lib/report/markdown.js'
export { type Report, reportOf } from './lib/report/report.js'
export type { Cell, Column, ColumnKind, Result, Row } from './lib/result.js'
export { type OptionalRollup, type OptionalSubject, readOptionalRollups } from './lib/rollups/optional.js'
export type { AskOptions } from './lib/stats/ask.js'
export { dau } from './lib/stats/dau.js'
export { funnel } from './lib/stats/funnel.js'
export { lifecycle } from './lib/stats/lifecycle.js'
export { mau } from './lib/stats/mau.js'
export { retention } from './lib/stats/retention.js'
export { stickiness } from './lib/stats/stickiness.js'
export { topEvents } from './lib/stats/top-events.js'
export { trend } from './lib/stats/trend.js'
export { wau } from './lib/stats/wau.js'
