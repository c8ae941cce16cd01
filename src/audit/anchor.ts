// Keeps the head of the audit log outside of the database: signed, in a file that is only ever appended to. Copied
// elsewhere (with every backup, to a log collector), it tells later whether the rows up to it are still the same.
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { headBytes, headLine, headsFileName, parseHead } from './anchored-heads.ts'
import type { AnchoredHead } from './anchored-heads.ts'
import { findAuditHead } from '../metadata/audit-seals.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export interface HeadSignature {
  readonly kid: string
  /** Ed25519. */
  readonly signature: Uint8Array
}

export interface AnchorDeps {
  readonly metadata: MetadataStore
  /** The data folder. */
  readonly folder: string
  readonly sign: (bytes: Uint8Array) => HeadSignature | Promise<HeadSignature>
}

/** So much of the file's end holds its last line. */
const tailBytes = 4096

/** Appends the head as it is now, durably; returns it, or undefined when it has not moved since the last one. */
export async function anchorHead(deps: AnchorDeps): Promise<AnchoredHead | undefined> {
  // By a durable write, so that what it sees is on disk before its head is: otherwise a power loss would leave a head
  // of rows that nobody has, and that looks as if they had been removed.
  const head = await deps.metadata.write(async (tx) => findAuditHead(tx))
  if (head === undefined) return undefined
  const path = join(deps.folder, headsFileName)
  await using file = await open(path, 'a+', 0o600)
  const { lastLine, isNew } = await tidyEnd(file)
  const last = lastLine === undefined ? undefined : parseHead(lastLine)
  if (last?.seq === head.seq && last.hash === head.hash) return undefined
  const at = Date.now()
  const { kid, signature } = await deps.sign(headBytes({ ...head, at }))
  const anchored = { ...head, at, kid, signature: Buffer.from(signature).toString('base64url') }
  await file.appendFile(headLine(anchored))
  await file.sync()
  if (isNew) await syncFolder(deps.folder)
  return anchored
}

/** Removes what a crash left of a line that was never finished. */
async function tidyEnd(
  file: FileHandle,
): Promise<{ readonly lastLine: string | undefined; readonly isNew: boolean }> {
  const { size } = await file.stat()
  if (size === 0) return { lastLine: undefined, isNew: true }
  const from = Math.max(0, size - tailBytes)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from)
  const tail = buffer.subarray(0, bytesRead)
  const end = tail.lastIndexOf(0x0a) + 1
  if (end < tail.length) await file.truncate(from + end)
  const lines = tail.subarray(0, end).toString().trimEnd().split('\n')
  return { lastLine: lines.at(-1), isNew: false }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync().catch((error: unknown) => {
    // Some file systems cannot sync a folder; then the new name is as durable as they make it.
    const code = (error as { code?: string }).code ?? ''
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR', 'EBADF'].includes(code)) throw error
  })
}
