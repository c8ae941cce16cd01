// The part of the scrub that walks through the database: small blobs and manifests lie in rows. It costs little, so it
// goes in pages without a pace of its own; where it is stands in the notes.
import { algorithmOf, digestOf, isDigest, type Digest } from '../oci/digest.ts'
import { listBlobs } from '../metadata/blobs.ts'
import { nextManifests, type RowPass } from '../metadata/scrubbing.ts'
import { lookAtBlob } from './look-at-blob.ts'
import type { QuarantineDeps } from './quarantine.ts'
import type { ScrubNotes } from './scrub-notes.ts'

export interface RowScrub {
  /** Returns whether there is more to do now. */
  step(now: number): Promise<boolean>
}

export interface RowScrubOptions {
  readonly notes: ScrubNotes
  /** After so long a walk begins anew. */
  readonly dueAfterMs: number
  readonly wrong: (digest: Digest) => Promise<void>
  readonly damagedManifest: (digest: Digest) => void
}

const stepMs = 50
const blobsAtOnce = 100
/** A manifest may have 4 MiB. */
const manifestsAtOnce = 16
const mostDamaged = 100

export function createRowScrub(deps: QuarantineDeps, options: RowScrubOptions): RowScrub {
  const { notes, dueAfterMs } = options
  return {
    async step(now) {
      const { rows, rowsVerifiedAt } = await notes.current()
      if (rows === null && now - (rowsVerifiedAt ?? 0) < dueAfterMs) return false
      let pass: RowPass | undefined = rows ?? newPass(now)
      const began = performance.now()
      do
        pass =
          pass.blobs === null
            ? await lookAtManifests(deps, pass, options)
            : await lookAtBlobs(deps, pass, options)
      while (pass.manifests !== null && performance.now() - began < stepMs)
      if (pass.manifests !== null) {
        notes.change({ rows: pass })
        return true
      }
      notes.change({
        rows: null,
        rowsVerifiedAt: pass.startedAt,
        damagedManifests: pass.damaged,
      })
      return false
    },
  }
}

function newPass(now: number): RowPass {
  return { startedAt: now, blobs: '', manifests: { repositoryId: 0, digest: '' }, damaged: [] }
}

async function lookAtBlobs(
  { metadata, blobs }: QuarantineDeps,
  pass: RowPass,
  { wrong }: RowScrubOptions,
): Promise<RowPass> {
  const page = await listBlobs(metadata, { after: pass.blobs ?? '', limit: blobsAtOnce })
  for (const row of page) {
    if (row.isDamaged === true || row.storageKey !== undefined) continue
    const fault = await lookAtBlob(blobs, row, { deep: true })
    if (fault !== undefined) await wrong(row.digest)
  }
  return { ...pass, blobs: page.at(-1)?.digest ?? null }
}

async function lookAtManifests(
  { metadata }: QuarantineDeps,
  pass: RowPass,
  { damagedManifest }: RowScrubOptions,
): Promise<RowPass> {
  const place = pass.manifests ?? { repositoryId: 0, digest: '' }
  const { manifests, next } = await nextManifests(metadata, place, manifestsAtOnce)
  const damaged = [...pass.damaged]
  for (const { digest, content, size } of manifests) {
    const isRight = isDigest(digest) && digestOf(content, algorithmOf(digest)) === digest
    if (isRight && content.length === size) continue
    damagedManifest(digest)
    if (damaged.length < mostDamaged) damaged.push(digest)
  }
  return { ...pass, manifests: next ?? null, damaged }
}
