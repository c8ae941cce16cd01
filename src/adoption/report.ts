// What `carrel adopt --check` says of a volume: what would be taken over, what is lost, and what would come back.
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FindingCounter, type FindingKind, type FindingSummary } from './findings.ts'
import { treeFolder } from './places.ts'
import { scanRegistry2, type ScanOptions } from './scan.ts'

export interface VolumeReport {
  /** Nothing that registry:2 says it has is lost. */
  readonly ok: boolean
  readonly directory: string
  readonly repositories: number
  readonly tags: number
  readonly manifests: number
  /** Files of content, manifests included. */
  readonly blobs: number
  readonly bytes: number
  /** Content that nothing needs. */
  readonly reclaimable: { readonly blobs: number; readonly bytes: number }
  readonly losses: number
  readonly findings: Readonly<Partial<Record<FindingKind, FindingSummary>>>
}

/** Changes nothing. @throws the system's error for what cannot be read */
export async function checkRegistry2(
  root: string,
  options: ScanOptions = {},
): Promise<VolumeReport> {
  await using scan = await scanRegistry2(root, options)
  const counter = new FindingCounter()
  let repositories = 0
  let tags = 0
  let manifests = 0
  for await (const one of scan.scanned) {
    if (one.kind === 'finding') counter.add(one.finding)
    else if (one.kind === 'repository') repositories += 1
    else if (one.kind === 'manifests') manifests += one.manifests.length
    else if (one.kind === 'contents') tags += one.tags.length
  }
  const { losses } = counter
  return {
    ok: losses === 0,
    directory: root,
    repositories,
    tags,
    manifests,
    blobs: scan.files.count,
    bytes: scan.files.bytes,
    reclaimable: {
      blobs: counter.count('orphan', 'unneeded'),
      bytes: counter.bytes('orphan', 'unneeded'),
    },
    losses,
    findings: counter.summaries(),
  }
}

/** The root of the volume that somebody means: its root, or a folder on the way down to `docker/registry/v2`. */
export async function findVolume(directory: string): Promise<string | undefined> {
  let root = resolve(directory)
  if (await hasVolume(root)) return root
  for (const name of treeFolder.split('/').toReversed()) {
    if (basename(root) === name) root = dirname(root)
  }
  return (await hasVolume(root)) ? root : undefined
}

export async function hasVolume(root: string): Promise<boolean> {
  try {
    return (await stat(join(root, treeFolder))).isDirectory()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}
