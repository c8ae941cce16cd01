// What registry:2's configuration says of answers: plain data, as it crosses threads.

export interface Registry2Answers {
  /** Lower-case names. Several values of one name are several lines. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** Begins and ends with a slash. */
  readonly pathPrefix: string | undefined
  /** Whether the distribution API deletes manifests, tags and blobs. */
  readonly deletes: boolean
  readonly catalogMaxEntries: number | undefined
  readonly maxTags: number | undefined
  readonly manifestUrls: ManifestUrls | undefined
}

/** Regular expressions over addresses of layers; an empty `allow` allows what `deny` does not deny. */
export interface ManifestUrls {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}
