/** What is in an archive, whatever kind of archive it is. */

/** A regular file in an archive. */
interface Member {
  /** Its path in the archive. */
  readonly name: string
  /** Its length as the archive says it. */
  readonly bytes: number
}

export interface StoredMember extends Member {
  readonly storedBytes: number
  readonly method: 'stored' | 'deflate'
  /** Where the stored bytes are, in the archive as it is without its compression. */
  start(): Promise<number>
  readonly crc32?: number
  readonly isEncrypted?: boolean
  /** Why it cannot be read: what it is. */
  readonly refusal?: string
}

export interface Listing {
  readonly members: readonly StoredMember[]
  /** Names of what is neither a file nor a folder: links, devices. */
  readonly others: readonly string[]
}
