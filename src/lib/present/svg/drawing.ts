/** What the drawing of a Result says before anything is drawn: pure values, made by one file for each shape. */
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts'
import type { GridComponentOption, LegendComponentOption } from 'echarts/components'
import type { ComposeOption } from 'echarts/core'
import type { Result } from '../../core/result.js'

export type ChartOption = ComposeOption<
  BarSeriesOption | LineSeriesOption | GridComponentOption | LegendComponentOption
>

export interface Drawing {
  /** What a person who does not see it should know. */
  readonly description: string
  /** In pixels; what suits the shape. */
  readonly height: number
  readonly option: ChartOption
  /** What a mark says when somebody points at it: series, then datum. */
  readonly tips: readonly (readonly (string | undefined)[])[]
}

/** Draws a Result that has at least one row, `width` pixels wide. */
export type Draw = (result: Result, width: number) => Drawing
