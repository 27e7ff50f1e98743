/**
 * How the embedded server is set: for bulk loads and big questions on the machine it finds itself on. Durability is
 * PostgreSQL's own: fsync, full_page_writes and synchronous_commit stay on.
 */
import { statfsSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

const MB = 1024 * 1024
const GB = 1024 * MB

/** What the machine has. */
export interface Machine {
  readonly memoryBytes: number
  readonly cores: number
  /** Free on the disk of the data folder. */
  readonly freeDiskBytes: number
  /** Size of /dev/shm; undefined where there is none. */
  readonly sharedMemoryFolderBytes: number | undefined
}

/** Measures this machine; in a container its limits count. */
export function thisMachine(dataDir: string): Machine {
  const limit = process.constrainedMemory?.() ?? 0
  const disk = statfsSync(dataDir)
  return {
    memoryBytes: limit > 0 && limit < totalmem() ? limit : totalmem(),
    cores: availableParallelism(),
    freeDiskBytes: disk.bavail * disk.bsize,
    sharedMemoryFolderBytes: process.platform === 'linux' ? sizeOf('/dev/shm') : undefined,
  }
}

/**
 * The settings for a machine, by their PostgreSQL names.
 *
 * @example
 * serverSettings({ memoryBytes: 16 * 2 ** 30, … }).shared_buffers // '2048MB'
 */
export function serverSettings(machine: Machine): Record<string, string> {
  const { memoryBytes, cores, freeDiskBytes, sharedMemoryFolderBytes } = machine
  const workers = clamp(Math.floor(cores / 2), 2, 4)
  return {
    // More would be used by few and paid by each start: 4 GB doubles the time that a start takes with 1 GB or less.
    shared_buffers: megabytes(clamp(memoryBytes / 4, 64 * MB, 2 * GB)),
    effective_cache_size: megabytes(clamp(memoryBytes * 0.6, 128 * MB, 1024 * GB)),
    work_mem: megabytes(clamp(memoryBytes / 128, 8 * MB, 128 * MB)),
    maintenance_work_mem: megabytes(clamp(memoryBytes / 16, 64 * MB, GB)),
    // The staging table of a chunk stays in memory.
    temp_buffers: megabytes(clamp(memoryBytes / 128, 8 * MB, 32 * MB)),
    max_connections: '100',
    max_parallel_workers_per_gather: String(workers),
    max_parallel_maintenance_workers: String(workers),
    random_page_cost: '1.1',
    // Compiling costs more than it gives in questions of some hundred milliseconds.
    jit: 'off',
    // Loads write far ahead of checkpoints; a small disk keeps the write-ahead log small.
    max_wal_size: megabytes(clamp(freeDiskBytes / 10, GB / 2, 8 * GB)),
    checkpoint_timeout: '30min',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_logical_replication_workers: '0',
    wal_compression: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Events do not belong in a log: not in statements and their parameters, and not in errors, which quote the value
    // that they are about. Whoever ran the statement is told the error; what concerns the server itself is logged.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_statement: 'none',
    log_min_duration_statement: '-1',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_checkpoints: 'off',
    // In containers /dev/shm is often 64 MB, too little for a parallel hash join.
    ...(sharedMemoryFolderBytes !== undefined && sharedMemoryFolderBytes < GB / 2
      ? { dynamic_shared_memory_type: 'sysv' }
      : {}),
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MB)}MB`
}

function sizeOf(folder: string): number {
  try {
    const { blocks, bsize } = statfsSync(folder)
    return blocks * bsize
  } catch {
    return 0
  }
}
