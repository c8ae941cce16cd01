// The first start on a folder that holds a volume of registry:2: whether to take it over, and the note that is left in it
// for whoever would start registry:2 there again.
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { adoptedSetting, adoptionSetting, hasRepositories } from '../metadata/adoption.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findSetting } from '../metadata/settings.ts'
import { adoptRegistry2, type Adoption, type AdoptOptions } from './adopt.ts'
import type { FoundUpload } from './look-links.ts'
import { treeFolder } from './places.ts'
import { hasVolume } from './report.ts'

export const markerFile = 'ADOPTED-BY-CARREL.txt'

/** `left`: there is a volume, and this installation has images of its own. */
export type VolumeState = 'none' | 'due' | 'adopted' | 'left'

/** The volume was taken over by an installation that is not this one. */
export class AdoptedElsewhereError extends Error {
  override readonly name = 'AdoptedElsewhereError'
}

/** @throws {AdoptedElsewhereError} when the note is there and the database knows nothing of it */
export async function volumeState(metadata: MetadataStore, dataDir: string): Promise<VolumeState> {
  if (!(await hasVolume(dataDir))) return 'none'
  if ((await findSetting(metadata, adoptedSetting)) !== undefined) return 'adopted'
  if ((await findSetting(metadata, adoptionSetting)) !== undefined) return 'due'
  const isNoted = await exists(join(dataDir, markerFile))
  if (await hasRepositories(metadata)) return isNoted ? 'adopted' : 'left'
  if (!isNoted) return 'due'
  throw new AdoptedElsewhereError(
    'This volume of registry:2 was taken over before, and the database knows nothing of it.',
  )
}

export interface StartOptions extends AdoptOptions {
  readonly onBegin?: () => void
}

/** Takes the volume in the data folder over when that is due. Killed at any moment, the next call completes it. */
export async function adoptWhenDue(
  metadata: MetadataStore,
  dataDir: string,
  options: StartOptions = {},
): Promise<VolumeState | Adoption> {
  const state = await volumeState(metadata, dataDir)
  if (state !== 'due') return state
  options.onBegin?.()
  const adoption = await adoptRegistry2(metadata, dataDir, {
    ...options,
    // Once the database says that it has begun.
    beforeScan: async () => leaveNote(dataDir),
  })
  await removeOldUploads(dataDir, adoption.uploads)
  return adoption
}

const note = `This folder is kept by Carrel
==============================

Carrel has taken over the volume of registry:2 that lies here, under docker/.
It serves those files where they are. What was pushed since lies under
storage/, and what is where stands in the database.

Do not start registry:2 (docker-registry, distribution) on this folder any
more. It would not see what was pushed since, and its garbage-collect would
delete what Carrel still serves.

To go back to registry:2, write all that Carrel has into a new folder and
start registry:2 on that one:

    carrel export --layout registry2 NEWFOLDER --data THISFOLDER

Carrel refuses to take this volume over a second time while this file is
here: if the database was lost, get it back with

    carrel rebuild --data THISFOLDER

or restore a backup. Only remove this file if nothing was ever pushed to
Carrel here.
`

async function leaveNote(dataDir: string): Promise<void> {
  const path = join(dataDir, markerFile)
  if (await exists(path)) return
  const temporary = join(dataDir, `.${markerFile}.${process.pid}`)
  await mkdir(dataDir, { recursive: true })
  {
    await using file = await open(temporary, 'w', 0o644)
    await file.writeFile(note)
    await file.sync()
  }
  await rename(temporary, path)
  await using folder = await open(dataDir, 'r')
  await folder.sync()
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** As long as registry:2 itself keeps them. */
const keepUploadsMs = 7 * 24 * 60 * 60 * 1000

/** Younger ones stay for whoever wants to look; nothing here reads them. */
async function removeOldUploads(dataDir: string, uploads: readonly FoundUpload[]): Promise<void> {
  const limit = Date.now() - keepUploadsMs
  for (const { path, modifiedAt } of uploads) {
    if (modifiedAt >= limit) continue
    // They are worth nothing, and a volume that cannot be written to is no reason not to serve.
    await rm(join(dataDir, treeFolder, path), { recursive: true, force: true }).catch(
      () => undefined,
    )
  }
}
