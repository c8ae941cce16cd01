// Takes a volume over: what a scan says becomes rows, some thousand in a transaction. All or resumable: the setting that
// says it is done comes last, and whoever finds it begun and not done begins anew over what is there.
import { appendAudit } from '../metadata/audit.ts'
import {
  adoptedSetting,
  adoptionSetting,
  clearAdoption,
  insertAdopted,
  keepBlobs,
  type AdoptedRows,
} from '../metadata/adoption.ts'
import { bindStrayGrants } from '../metadata/grants.ts'
import { requestJournalBase } from '../metadata/journal-state.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import { insertNamespace } from '../metadata/namespaces.ts'
import { reviewTime } from '../metadata/reviews.ts'
import { saveSetting } from '../metadata/settings.ts'
import type { Digest } from '../oci/digest.ts'
import { namespaceOf, type RepositoryName } from '../oci/reference.ts'
import { flags, type BlobFiles } from './blob-files.ts'
import { FindingCounter } from './findings.ts'
import type { FoundUpload } from './look-links.ts'
import { scanRegistry2, type ScanOptions } from './scan.ts'
import type { Scanned, ScannedBlob, ScannedContents, ScannedManifests } from './scanned.ts'

export interface AdoptionCounts {
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  /** Files of content in the volume, manifests included, and their bytes. */
  readonly blobs: number
  readonly bytes: number
}

export interface Adoption extends AdoptionCounts {
  readonly seconds: number
  readonly findings: FindingCounter
  readonly uploads: readonly FoundUpload[]
}

export interface AdoptOptions extends ScanOptions {
  /** About so many go in one transaction. */
  readonly rowsAtOnce?: number
  /** Called when the database says that it has begun. */
  readonly beforeScan?: () => Promise<void>
  /** Called before each transaction, for tests. */
  readonly beforeWrite?: () => Promise<void>
}

const defaultRowsAtOnce = 4000
const writesBetweenMaintenance = 16

/** `root` has `docker/registry/v2` in it. Nobody else may write to the database meanwhile. */
export async function adoptRegistry2(
  metadata: MetadataStore,
  root: string,
  options: AdoptOptions = {},
): Promise<Adoption> {
  const started = performance.now()
  await metadata.write(async (tx) => {
    await saveSetting(tx, adoptionSetting, JSON.stringify({ startedAt: new Date() }))
    await clearAdoption(tx)
  })
  await options.beforeScan?.()
  await using scan = await scanRegistry2(root, options)
  const { files, scanned } = scan
  const writer = new AdoptionWriter(metadata, files, options)
  const findings = new FindingCounter()
  const uploads: FoundUpload[] = []
  for await (const one of scanned) {
    if (one.kind === 'finding') findings.add(one.finding)
    else if (one.kind === 'uploads') uploads.push(...one.uploads)
    else await writer.add(one)
  }
  const counts = { ...(await writer.finish()), blobs: files.count, bytes: files.bytes }
  const seconds = (performance.now() - started) / 1000
  await metadata.write(async (tx) => finish(tx, counts, { losses: findings.losses, seconds }))
  return { ...counts, seconds, findings, uploads }
}

async function finish(
  tx: Transaction,
  counts: AdoptionCounts,
  { losses, seconds }: { readonly losses: number; readonly seconds: number },
): Promise<void> {
  const { repositories, tags, manifests, blobs, bytes } = counts
  const detail = { repositories, tags, manifests, blobs, bytes, losses }
  await bindStrayGrants(tx)
  await requestJournalBase(tx)
  await appendAudit(tx, {
    event: 'volume.adopted',
    actor: { id: undefined, name: 'operator' },
    subject: 'docker/registry/v2',
    address: undefined,
    detail,
  })
  const value = { adoptedAt: new Date(), seconds: Math.round(seconds * 10) / 10, ...detail }
  await saveSetting(tx, adoptedSetting, JSON.stringify(value))
}

type Rows = { -readonly [Kind in keyof AdoptedRows]: AdoptedRows[Kind][number][] }

class AdoptionWriter {
  readonly #metadata: MetadataStore
  readonly #files: BlobFiles
  readonly #rowsAtOnce: number
  readonly #beforeWrite: (() => Promise<void>) | undefined
  readonly #now = Date.now()
  #rows = noRows()
  #count = 0
  #writes = 0
  /** Of the rows that wait. */
  #names: RepositoryName[] = []
  readonly #namespaces = new Set<string>()
  #newNamespaces: string[] = []
  /** Blobs that have no file, or another digest than their file. */
  readonly #noted = new Set<Digest>()
  readonly #kept = new Set<Digest>()
  /** What the repository under way has been given. */
  #linked = new Set<Digest>()
  #repositories = 0
  #tags = 0
  #manifests = 0

  constructor(metadata: MetadataStore, files: BlobFiles, options: AdoptOptions) {
    this.#metadata = metadata
    this.#files = files
    this.#rowsAtOnce = options.rowsAtOnce ?? defaultRowsAtOnce
    this.#beforeWrite = options.beforeWrite
  }

  async add(scanned: Exclude<Scanned, { kind: 'finding' | 'uploads' }>): Promise<void> {
    switch (scanned.kind) {
      case 'repository':
        this.#begin(scanned.name, scanned.createdAt)
        break
      case 'manifests':
        this.#addManifests(scanned)
        break
      case 'contents':
        await this.#addContents(scanned)
        break
      case 'rest':
        for (const blob of scanned.blobs) this.#note(blob)
    }
    if (this.#count >= this.#rowsAtOnce) await this.#flush()
  }

  #begin(name: RepositoryName, createdAt: number): void {
    this.#linked = new Set()
    this.#repositories += 1
    this.#rows.repositories.push({ name, createdAt })
    this.#name(name)
    this.#count += 1
    const namespace = namespaceOf(name)
    if (namespace === undefined || this.#namespaces.has(namespace)) return
    this.#namespaces.add(namespace)
    this.#newNamespaces.push(namespace)
  }

  #name(name: RepositoryName): void {
    if (this.#names.at(-1) !== name) this.#names.push(name)
  }

  #addManifests({ repository, manifests }: ScannedManifests): void {
    this.#name(repository)
    for (const { blobs, ...manifest } of manifests) {
      this.#manifests += 1
      this.#rows.manifests.push({ repository, ...manifest })
      this.#count += 1 + blobs.length
      for (const blob of blobs) {
        this.#link(repository, blob)
        this.#rows.uses.push({ repository, manifest: manifest.digest, blob: blob.digest })
      }
    }
  }

  async #addContents(contents: ScannedContents): Promise<void> {
    const { repository, children, links, tags, changes } = contents
    this.#name(repository)
    for (const blob of links) this.#link(repository, blob)
    for (const child of children) await this.#push('children', { repository, ...child })
    this.#tags += tags.length
    for (const tag of tags) await this.#push('tags', { repository, ...tag })
    for (const change of changes) await this.#push('changes', { repository, ...change })
  }

  /** A repository may have a million tags. */
  async #push<Kind extends 'children' | 'tags' | 'changes'>(
    kind: Kind,
    row: Rows[Kind][number],
  ): Promise<void> {
    const rows = this.#rows[kind] as Rows[Kind][number][]
    rows.push(row)
    this.#count += 1
    if (this.#count < this.#rowsAtOnce) return
    await this.#flush()
    this.#name(row.repository)
  }

  #link(repository: RepositoryName, blob: ScannedBlob): void {
    if (this.#linked.has(blob.digest)) return
    this.#linked.add(blob.digest)
    this.#note(blob)
    this.#rows.links.push({ repository, digest: blob.digest, linkedAt: blob.linkedAt })
    this.#count += 1
  }

  /** A row for each digest, once. */
  #note(blob: Omit<ScannedBlob, 'linkedAt'>): void {
    const { digest, content, size, key, createdAt } = blob
    const files = this.#files
    const isAlias = digest !== content
    // The content of a sha512 digest has a row of its own as well: it says that the file is known.
    if (isAlias && key !== undefined) this.#note({ ...blob, digest: content })
    const isKept = files.has(content, flags.kept)
    if (isKept) this.#kept.add(digest)
    if (isAlias || files.find(digest) === undefined) {
      if (this.#noted.has(digest)) return
      this.#noted.add(digest)
    } else {
      if (files.has(digest, flags.noted)) return
      files.mark(digest, flags.noted)
    }
    const isNeeded = isKept || files.has(content, flags.needed) || key === undefined
    this.#rows.blobs.push({
      digest,
      size,
      storageKey: key,
      createdAt,
      damagedAt: key === undefined ? this.#now : undefined,
      reviewAfter: isNeeded ? undefined : reviewTime(),
    })
    this.#count += 1
  }

  async #flush(): Promise<void> {
    if (this.#count === 0) return
    const rows = this.#rows
    const names = this.#names
    const namespaces = this.#newNamespaces
    this.#rows = noRows()
    this.#names = []
    this.#newNamespaces = []
    this.#count = 0
    await this.#beforeWrite?.()
    // What is lost with the power is done again: the last transaction is durable, and with it all before it.
    await this.#metadata.write(
      async (tx) => {
        for (const name of namespaces) await insertNamespace(tx, { name, createdBy: undefined })
        await insertAdopted(tx, rows, names)
      },
      { durable: false },
    )
    this.#writes += 1
    if (this.#writes % writesBetweenMaintenance === 0) await this.#metadata.maintain()
  }

  async finish(): Promise<Pick<AdoptionCounts, 'repositories' | 'tags' | 'manifests'>> {
    await this.#flush()
    // Some were due before a repository came that must have them kept.
    await this.#metadata.write(async (tx) => keepBlobs(tx, [...this.#kept]))
    return { repositories: this.#repositories, tags: this.#tags, manifests: this.#manifests }
  }
}

function noRows(): Rows {
  return {
    repositories: [],
    blobs: [],
    links: [],
    manifests: [],
    uses: [],
    children: [],
    tags: [],
    changes: [],
  }
}
