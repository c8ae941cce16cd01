// What makes an installation itself: its id and its secrets, made at the first start and the same on every node.
// Two installations share nothing.
import { randomBytes, randomUUID } from 'node:crypto'
import { generateSigningKey, type SigningKey } from '../auth/bearer.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { ensureSetting, insertSigningKey, listSigningKeys } from '../metadata/settings.ts'
import { readSigningKeys } from './signing-keys.ts'

export interface InstallationIdentity {
  readonly id: string
  /** Signs the ids of uploads. */
  readonly uploadSecret: Uint8Array
  /** The first signs tokens. */
  readonly signingKeys: readonly SigningKey[]
}

const shortestSecret = 32

function damaged(): Error {
  return new Error(
    'The database holds no usable secrets of this installation (installation-id, upload-secret in the table settings). ' +
      'They must not be guessed, so nothing is started. Restore the database from a backup.',
  )
}

export async function ensureIdentity(metadata: MetadataStore): Promise<InstallationIdentity> {
  const fresh = await generateSigningKey()
  return metadata.write(async (tx) => {
    const id = await ensureSetting(tx, 'installation-id', randomUUID())
    const secret = await ensureSetting(tx, 'upload-secret', randomBytes(32).toString('base64'))
    if ((await listSigningKeys(tx)).length === 0) {
      await insertSigningKey(tx, {
        kid: fresh.kid,
        privateJwk: JSON.stringify(fresh.privateJwk),
        publicJwk: JSON.stringify(fresh.publicJwk),
      })
    }
    const signingKeys = await readSigningKeys(tx)
    const uploadSecret = Buffer.from(secret, 'base64')
    if (uploadSecret.length < shortestSecret || id.trim() === '') throw damaged()
    return { id, uploadSecret, signingKeys }
  })
}
