// What `carrel registry garbage-collect` asks of the rest of the program.

export interface GarbageRequest {
  /** Images without a tag go as soon as blobs do that no image needs. */
  readonly deleteUntagged: boolean
  /** Nothing is done, only counted. */
  readonly dryRun: boolean
}

export interface GarbageReport {
  /** Somebody else collects at this moment: nothing was done. */
  readonly busy: boolean
  /** That went to the recycle bin. */
  readonly manifests: number
  /** That went to the trash. */
  readonly blobs: number
  /** Whose bytes came back. */
  readonly purgedBlobs: number
  readonly bytes: number
  /** What could not be done; it is kept. */
  readonly errors: readonly string[]
  /** Milliseconds until the bytes of what went to the trash come back. */
  readonly trashMs: number
}
