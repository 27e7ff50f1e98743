/** What the figures of a run were measured on, for its report. */
import { availableParallelism, cpus, totalmem } from 'node:os'

/** Processors, memory and Node: `2 cores (AMD EPYC), 24 GB; Node v20.20.2`. */
export function machine(): string {
  const gb = (totalmem() / 2 ** 30).toFixed(0)
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${gb} GB; Node ${process.version}`
}
