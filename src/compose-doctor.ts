// What doctor looks at beyond the data itself: what keeps it, who may do what, and the public address.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config/config.ts'
import { checkAccess } from './installation/doctor/access.ts'
import { note, type Check } from './installation/doctor/check.ts'
import {
  checkBackup,
  checkCollection,
  checkReadOnly,
  checkScrub,
} from './installation/doctor/keeping.ts'
import { checkPublicAddress } from './installation/doctor/public-address.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'

/** Run one by one; whoever calls them copes with what they throw. */
export function keepingChecks(
  config: Config,
  metadata: MetadataStore,
): readonly (readonly [name: string, check: () => Promise<readonly Check[]>])[] {
  return [
    ['backup', async () => [await checkBackup(metadata, config.backup)]],
    ['access', async () => (config.open ? [] : [await checkAccess(metadata)])],
    ['scanning', async () => [noScanning]],
    ['stored bytes', async () => [await checkScrub(metadata)]],
    ['collection', async () => [await checkCollection(metadata)]],
    ['read-only', async () => checkReadOnly(metadata, config.readOnly)],
  ]
}

const noScanning = note(
  'scanning',
  'This version does not look for known vulnerabilities in images: scan them where they are built.',
)

export async function publicChecks(
  { publicUrl, dataDir }: Config,
  installationId: string | undefined,
): Promise<readonly Check[]> {
  if (publicUrl === undefined) return []
  const own = await readFile(join(dataDir, 'tls', 'ca.crt'), 'utf8').catch(() => undefined)
  const authorities = own === undefined ? [] : [own]
  return checkPublicAddress({ url: publicUrl, installationId, authorities })
}
