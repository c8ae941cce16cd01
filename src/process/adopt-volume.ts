// What a start does with a volume of registry:2 in the data folder: takes it over the first time, and says so.
import { adoptWhenDue, AdoptedElsewhereError, markerFile } from '../adoption/start.ts'
import { InstallationError } from '../cli/composition.ts'
import type { ServeEvent } from '../cli/serve-events.ts'
import { shellWord } from '../installation/doctor/check.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export async function adoptVolume(
  dataDir: string,
  metadata: MetadataStore,
  onEvent: (event: ServeEvent) => void,
): Promise<void> {
  const taken = await adoptWhenDue(metadata, dataDir, {
    onBegin: () => onEvent({ kind: 'adopting' }),
    onProgress: ({ phase, done, total }) => {
      const words = phase === 'files' ? 'folders of content' : 'tags and manifests'
      onEvent({ kind: 'adopting', progress: { phase: words, done, total, unit: 'items' } })
    },
  }).catch((error: unknown) => {
    throw error instanceof AdoptedElsewhereError ? refusal(dataDir, error) : error
  })
  if (taken === 'left') {
    const message = `${dataDir} has a volume of registry:2 (docker/registry/v2) that was not taken over, because there are images here already. To take it over, give it a data folder of its own.`
    onEvent({ kind: 'warning', message })
  }
  if (typeof taken === 'string') return
  const { repositories, tags, manifests, bytes, seconds, findings } = taken
  const { losses } = findings
  const counts = { repositories, tags, manifests, bytes, losses, seconds }
  onEvent({ kind: 'adopted', directory: dataDir, ...counts })
}

function refusal(dataDir: string, cause: Error): InstallationError {
  return new InstallationError('invalid', cause.message, {
    why: `${markerFile} lies in ${dataDir}: taken over once more, it would miss all that was pushed since`,
    fix: `carrel rebuild --data ${shellWord(dataDir)}`,
    cause,
  })
}
