// The key that vouches for what is kept outside of the database: heads of the audit log, results of access reviews. It
// is not one of those that sign tokens, because those are replaced, and evidence must be checked years later.
import { createPrivateKey, sign } from 'node:crypto'
import { generateSigningKey } from '../auth/bearer.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { ensureSetting, findSetting } from '../metadata/settings.ts'

export interface EvidenceKey {
  readonly kid: string
  readonly publicJwk: object
  /** Ed25519. */
  sign(bytes: Uint8Array): { readonly kid: string; readonly signature: Uint8Array }
}

const setting = 'evidence-key'

export async function ensureEvidenceKey(metadata: MetadataStore): Promise<EvidenceKey> {
  const text = (await findSetting(metadata, setting)) ?? (await makeKey(metadata))
  const { kid, privateJwk, publicJwk } = JSON.parse(text) as Awaited<
    ReturnType<typeof generateSigningKey>
  >
  const key = createPrivateKey({ key: privateJwk, format: 'jwk' })
  return { kid, publicJwk, sign: (bytes) => ({ kid, signature: sign(null, bytes, key) }) }
}

async function makeKey(metadata: MetadataStore): Promise<string> {
  const fresh = JSON.stringify(await generateSigningKey())
  return metadata.write(async (tx) => ensureSetting(tx, setting, fresh))
}
