// Proves the whole: every tag leads to a manifest, every manifest to what it needs, and every byte of it is the one that
// was pushed; without `deep`, that there are as many bytes as were pushed. Deleted things that can still be restored are
// looked at too. Changes nothing but with `repair`, and runs beside a running server.
import { isDatabaseDamage } from '../metadata/database-state.ts'
import { countUnlinkedBlobs, findTotals } from '../metadata/inspection.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { checkBlobs } from './check-blobs.ts'
import { checkBin, checkManifests, checkTags } from './check-references.ts'
import { checkQuarantine, checkUploads, countLostTrash, findUnreferenced } from './check-storage.ts'
import { counted, Findings, type Problem, type Progress, type Report } from './report.ts'

export interface FsckDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  /** What the database said when it was inspected (DatabaseState.damage). */
  readonly databaseDamage?: readonly string[]
  /** False: the bytes of blobs are counted and not read. */
  readonly deep?: boolean
  /** Blobs that are lost or wrong are set aside, so that the next push brings them back. */
  readonly repair?: boolean
}

/** @throws {StorageUnavailableError} when the database does not answer */
export async function fsck(
  deps: FsckDeps,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<Report> {
  const { metadata, databaseDamage = [], deep = true } = deps
  const findings = new Findings()
  for (const text of databaseDamage) findings.add(damagedDatabase(text))
  const counts = { repositories: 0, tags: 0, manifests: 0, blobs: 0, bytes: 0, repaired: 0 }
  const steps = [
    async () => {
      const { repositories, tags, manifests, blobs } = await findTotals(metadata)
      Object.assign(counts, { repositories, tags, manifests, blobs })
      await checkTags(metadata, findings)
    },
    async () => {
      const checked = await manifestStep(deps, findings, onProgress)
      counts.repositories = checked.repositories
      counts.manifests = checked.manifests
      counts.bytes += checked.bytes
    },
    async () => checkBin(metadata, findings),
    async () => {
      const checked = await blobStep(deps, findings, onProgress)
      counts.blobs = checked.blobs
      counts.bytes += checked.bytes
      counts.repaired = checked.repaired
    },
    async () => storageStep(deps, findings, onProgress),
  ]
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      if (!isDatabaseDamage(error)) throw error
      // The other steps may still find more.
      findings.add(damagedDatabase((error as Error).message))
    }
  }
  const problems = findings.sorted()
  return { ok: problems.length === 0, deep, ...counts, problems, notes: findings.notes }
}

function damagedDatabase(what: string): Problem {
  return {
    kind: 'database-damaged',
    message: `The database is damaged: ${what}. Restore it from a backup.`,
  }
}

async function manifestStep(
  { metadata }: FsckDeps,
  findings: Findings,
  onProgress: (progress: Progress) => void,
) {
  const total = (await findTotals(metadata)).manifests
  let done = 0
  return checkManifests(metadata, findings, () => {
    done += 1
    onProgress({ phase: 'manifests', done, total: Math.max(total, done), unit: 'items' })
  })
}

async function blobStep(
  deps: FsckDeps,
  findings: Findings,
  onProgress: (progress: Progress) => void,
) {
  const { deep = true, repair = false } = deps
  const totals = await findTotals(deps.metadata)
  const total = deep ? totals.blobBytes : totals.blobs
  const unit = deep ? 'bytes' : 'items'
  let done = 0
  return checkBlobs(deps, findings, {
    deep,
    repair,
    onRead({ blobs, bytes }) {
      done += deep ? bytes : blobs
      onProgress({ phase: 'blobs', done, total: Math.max(total, done), unit })
    },
  })
}

async function storageStep(
  deps: FsckDeps,
  findings: Findings,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const unlinked = await countUnlinkedBlobs(deps.metadata)
  if (unlinked.count > 0) {
    findings.note(
      `${counted(unlinked.count, 'blob')} (${counted(unlinked.bytes, 'byte')}) in no repository, kept until they are collected.`,
    )
  }
  const total = (await findTotals(deps.metadata)).blobs
  let done = 0
  const unreferenced = await findUnreferenced(deps, () => {
    done += 1
    onProgress({ phase: 'storage', done, total: Math.max(total, done), unit: 'items' })
  })
  if (unreferenced.count > 0) {
    findings.note(
      `${counted(unreferenced.count, 'unreferenced object')} (${counted(unreferenced.bytes, 'byte')}) in the storage that no blob points to: a crash between storing and noting leaves them, and they are not needed.`,
    )
  }
  await noteWhatIsKept(deps, findings)
  const { torn, abandoned } = await checkUploads(deps)
  if (torn > 0) {
    findings.note(
      `${counted(torn, 'part')} of unfinished uploads without all bytes: a crash while an upload was being finished, which its client begins anew.`,
    )
  }
  if (abandoned.count > 0) {
    findings.note(
      `${counted(abandoned.count, 'part')} of abandoned uploads (${counted(abandoned.bytes, 'byte')}) that the server removes after a while.`,
    )
  }
}

async function noteWhatIsKept(deps: FsckDeps, findings: Findings): Promise<void> {
  const lost = await countLostTrash(deps)
  if (lost > 0) {
    findings.note(
      `${counted(lost, 'collected blob')} could not be put back any more: the bytes are gone before their time. Nothing needed them.`,
    )
  }
  const { all, unnoted } = await checkQuarantine(deps)
  if (all.count === 0) return
  const others =
    unnoted === 0
      ? ''
      : ` Of ${unnoted} no row tells: a crash between moving and noting, which the next look at the blob makes up for.`
  findings.note(
    `${counted(all.count, 'object')} (${counted(all.bytes, 'byte')}) in the quarantine, kept to be looked at.${others}`,
  )
}
