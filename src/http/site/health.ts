// /livez: the process answers. /readyz: pushes are taken. A storage that is down makes a node unready, never dead.
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { ensureSetting } from '../../metadata/settings.ts'
import type { BlobStore } from '../../storage/blob-store.ts'
import { jsonReply, type Reply } from '../reply.ts'
import { nothing, type Routes } from '../route.ts'

export interface HealthDeps {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly draining: () => boolean
}

const probeEveryMs = 10_000

export function liveRoutes(): Routes<'livez'> {
  const route = { needs: nothing, run: async () => jsonReply(200, { status: 'alive' }) }
  return { GET: route, HEAD: route }
}

export function readyRoutes(deps: HealthDeps): Routes<'readyz'> {
  let probed: { readonly at: number; readonly outcome: Promise<string | undefined> } | undefined
  const run = async (): Promise<Reply> => {
    if (deps.draining()) return notReady('This node is stopping.')
    if (probed === undefined || Date.now() - probed.at > probeEveryMs) {
      probed = { at: Date.now(), outcome: probe(deps) }
    }
    const problem = await probed.outcome
    return problem === undefined ? jsonReply(200, { status: 'ready' }) : notReady(problem)
  }
  return { GET: { needs: nothing, run }, HEAD: { needs: nothing, run } }
}

/** Says what is wrong without telling strangers where things lie. */
async function probe({ metadata, blobs }: HealthDeps): Promise<string | undefined> {
  try {
    await metadata.write(async (tx) => ensureSetting(tx, 'probe', 'ok'))
  } catch {
    return 'The database does not take writes.'
  }
  try {
    await blobs.probe()
  } catch {
    return 'The storage does not take writes.'
  }
  return undefined
}

function notReady(message: string): Reply {
  return jsonReply(503, { status: 'not ready', message }, { 'retry-after': 5 })
}
