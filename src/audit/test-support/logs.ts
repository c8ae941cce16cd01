// Audit logs for tests: in memory, and in a database.
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { appendAuditBatch, type AuditEntry } from '../../metadata/audit.ts'
import type { SealedRecord } from '../../metadata/audit-seals.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { ensureSetting } from '../../metadata/settings.ts'
import { anSqliteFile } from '../../metadata/test-support/sqlite.ts'
import { openAt } from '../../metadata/test-support/store-address.ts'
import type { HeadSignature } from '../anchor.ts'
import { firstHash, sealOf } from '../chain.ts'
import { sealAudit } from '../seal.ts'

export const installationId = '7f0c8f4e-7a8b-4d9e-9d57-1d2f4f7c1a11'

export function anEntry(number: number): AuditEntry {
  return {
    at: 1_750_000_000_000 + number,
    event: number % 3 === 0 ? 'login.failed' : 'image.pushed',
    actor: number % 4 === 0 ? { name: 'stranger' } : { id: 1 + (number % 5), name: 'alice' },
    subject: `web/app-${number % 7}`,
    address: number % 2 === 0 ? '192.0.2.7' : undefined,
    detail: { number },
  }
}

/** Sealed rows as they come from a database, in order. */
export function sealedRows(count: number, id = installationId): SealedRecord[] {
  let hash = firstHash(id)
  return Array.from({ length: count }, (_, index) => {
    const { at = 0, event, actor, subject, address, detail } = anEntry(index)
    const record = {
      id: index + 3,
      at,
      event,
      actorId: actor.id ?? null,
      actor: actor.name,
      subject,
      address: address ?? null,
      detail: JSON.stringify(detail),
    }
    hash = sealOf(hash, record, index + 1)
    return { ...record, seq: index + 1, hash }
  })
}

/** An installation's database, open until the test is over. */
export async function anInstallation(t: TestContext): Promise<MetadataStore> {
  const store = await openAt(await anSqliteFile(t), { migrate: true })
  t.after(async () => store[Symbol.asyncDispose]())
  await giveId(store)
  return store
}

export async function giveId(store: MetadataStore): Promise<void> {
  await store.write(async (tx) => ensureSetting(tx, 'installation-id', installationId))
}

/** Writes and seals so many entries. */
export async function fill(store: MetadataStore, count: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, number) => anEntry(number))
  await store.write(async (tx) => appendAuditBatch(tx, entries))
  await sealAudit(store)
}

export async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-audit-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A key of an installation. */
export function aKey(kid: string): {
  readonly kid: string
  readonly publicJwk: object
  readonly sign: (bytes: Uint8Array) => HeadSignature
} {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    kid,
    publicJwk: publicKey.export({ format: 'jwk' }),
    sign: (bytes) => ({ kid, signature: sign(null, bytes, privateKey) }),
  }
}

export async function collect(texts: AsyncIterable<string>): Promise<string> {
  let all = ''
  for await (const text of texts) all += text
  return all
}
