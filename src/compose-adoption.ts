// Volumes of registry:2 for commands: a look at one, and the way back to one.
import { checkRegistry2, findVolume } from './adoption/report.ts'
import { exportImages } from './adoption/export.ts'
import { ForeignFolderError } from './adoption/export-files.ts'
import { nameMatcher } from './adoption/glob.ts'
import type {
  AdoptionCommands,
  AdoptionProgress,
  ExportReport,
  ExportRequest,
  VolumeReport,
} from './cli/adoption.ts'
import { InstallationError } from './cli/composition.ts'
import { explain, openInstallationData } from './compose-installation.ts'
import { fileOfKey, openBlobs } from './compose-stores.ts'
import type { Config } from './config/config.ts'
import { isRepositoryName } from './oci/reference.ts'

export function composeAdoption(): AdoptionCommands {
  return { check, export: exportAll }
}

async function check(
  directory: string,
  onProgress: (progress: AdoptionProgress) => void,
): Promise<VolumeReport> {
  const root = await findVolume(directory)
  if (root === undefined) {
    throw new InstallationError('not-found', `there is no volume of registry:2 in ${directory}`, {
      why: 'it has no docker/registry/v2',
      fix: 'give the folder that is mounted at /var/lib/registry there',
    })
  }
  return checkRegistry2(root, {
    onProgress: ({ phase, done, total }) => {
      const words = phase === 'files' ? 'folders of content' : 'tags and manifests'
      onProgress({ phase: words, done, total, unit: 'items' })
    },
  })
}

async function exportAll(
  config: Config,
  request: ExportRequest,
  onProgress: (progress: AdoptionProgress) => void,
): Promise<ExportReport> {
  const { layout, directory, repositories } = request
  await using metadata = await openInstallationData(config, { create: false })
  await using storage = await openBlobs(config.dataDir)
  try {
    const exported = await exportImages(
      {
        metadata,
        blobs: storage.blobs,
        fileOf: (key) => fileOfKey(config.dataDir, key),
      },
      {
        layout,
        directory,
        matches: nameMatcher(repositories),
        onProgress: (done, total) => {
          onProgress({ phase: 'blobs, manifests and tags', done, total, unit: 'items' })
        },
      },
    )
    if (exported.repositories === 0 && isRepositoryName(repositories)) {
      throw new InstallationError('not-found', `there is no repository ${repositories}`)
    }
    return { ok: exported.problems.length === 0, layout, directory, ...exported }
  } catch (error) {
    if (!(error instanceof ForeignFolderError)) throw explain(config, error)
    throw new InstallationError('invalid', error.message, {
      why: 'an export goes into an empty folder, or into one where the same export was cut short',
      fix: 'give a new folder',
      cause: error,
    })
  }
}
