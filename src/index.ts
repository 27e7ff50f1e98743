/** The library's public face: what a program may import from `event-analytics`. */

export type { Batch, BatchDetail } from './lib/batches/batch.js'
export { getBatch, listBatches } from './lib/batches/batches.js'
export { describeBatch, previewUndo, type UndoPreview } from './lib/batches/describe.js'
export type { LeaseHolder, LeaseRequest } from './lib/batches/lease.js'
export { eachReject, listRejects } from './lib/batches/rejects.js'
export { type UndoResult, undoBatch } from './lib/batches/undo.js'
export type { CheckOutcome, CheckReport, Status } from './lib/checks/evaluate/outcome.js'
export type { Check, Severity, SourceLocation, UnknownVerdict } from './lib/checks/file/check.js'
export { type CheckSource, parseCheckFile } from './lib/checks/file/check-file.js'
export type { Overrides } from './lib/checks/file/read-check.js'
export { type InitOptions, initChecks } from './lib/checks/init.js'
export { type RunOptions, runChecks } from './lib/checks/run.js'
export { type Config, type GivenConfig, parseConfig } from './lib/core/config.js'
export { type CatalogueEntry, catalogue, EaError, type ErrorCode } from './lib/core/errors.js'
export type { EventField, Reject, RejectCode } from './lib/core/event.js'
export type { Cell, Chart, Column, ColumnKind, Result, Row } from './lib/core/result.js'
export type { Database } from './lib/db/connect.js'
export type { TakeBytes } from './lib/db/copy-out.js'
export { migrate } from './lib/db/migrate.js'
export { type OpenOptions, withDatabase } from './lib/db/open.js'
export { type ExportResult, exportEvents } from './lib/export/export.js'
export { importAgain } from './lib/import/again.js'
export { importFiles } from './lib/import/import.js'
export {
  type EventsProfile,
  type FieldProfile,
  type HeadProfile,
  type InspectedRecord,
  type Inspection,
  type InspectOptions,
  inspectFile,
} from './lib/import/inspect.js'
export {
  type FileOutcome,
  type ImportEvent,
  type ImportOptions,
  type ImportOutcome,
  type ImportStatus,
  importDefaults,
} from './lib/import/options.js'
export { listPresets, type Preset, readPreset } from './lib/import/presets/presets.js'
export type { ReadingOptions } from './lib/import/reading/parse-options.js'
export type { RejectBudget } from './lib/load/import-counts.js'
export { type FieldMap, type IdFrom, parseIdFrom, parseMap } from './lib/load/mapping/map-parser.js'
export { parseTimeFormat, type TimeFormat } from './lib/load/mapping/time-format.js'
export { type ChartOptions, chartSvg, standaloneSvg } from './lib/present/svg/chart.js'
export { chartVariables } from './lib/present/svg/colors.js'
export { type Format, formats, type RenderOptions } from './lib/present/tables/formats.js'
export { render } from './lib/present/tables/render.js'
export { reportHtml } from './lib/report/html.js'
export { reportMarkdown } from './lib/report/markdown.js'
export { type Report, reportOf } from './lib/report/report.js'
export {
  type AddedRollup,
  addRollups,
  type RemovedRollup,
  removeRollups,
} from './lib/rollups/on-demand/add-remove.js'
export { type ListedRollup, listRollups, type RollupSizes } from './lib/rollups/on-demand/list.js'
export { type OnDemandRollup, type OnDemandSubject, readOnDemandRollups } from './lib/rollups/sql/on-demand.js'
export { dau } from './lib/stats/dau.js'
export { describe } from './lib/stats/describe.js'
export { funnel } from './lib/stats/funnel.js'
export { lifecycle } from './lib/stats/lifecycle.js'
export { mau } from './lib/stats/mau.js'
export type { RunStatOptions } from './lib/stats/query/run-stat.js'
export type { Answer, Example, Stat } from './lib/stats/query/stat.js'
export { retention } from './lib/stats/retention.js'
export { runSql } from './lib/stats/sql/run-sql.js'
export { stickiness } from './lib/stats/stickiness.js'
export { topEvents } from './lib/stats/top-events.js'
export { trend } from './lib/stats/trend.js'
export { wau } from './lib/stats/wau.js'
