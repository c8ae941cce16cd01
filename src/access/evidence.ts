// The signed result of an access review, kept as it was signed: a document in JSON, and the same as a table. Whoever has
// the installation's public key can check both anywhere, without this installation.
import { createPublicKey, hash, verify } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { ensureEvidenceKey } from './evidence-key.ts'

export interface Signature {
  /** Which key it was. */
  readonly kid: string
  /** Ed25519 over the bytes, in base64url. */
  readonly signature: string
  /** The public half, where the signer tells it, so that a check needs nothing of the installation. */
  readonly publicJwk?: object
}

export type Sign = (bytes: Uint8Array) => Signature | Promise<Signature>

export interface SignedDocument {
  /** Byte for byte as it was signed. */
  readonly content: string
  /** Of the content, in hexadecimal: what somebody notes elsewhere. */
  readonly sha256: string
  readonly keyId: string
  /** Ed25519 over the content in UTF-8, in base64url. */
  readonly signature: string
  /** As it was then. Whoever trusts it alone trusts whoever gave them the document. */
  readonly publicJwk: object | undefined
}

export interface VerifyingKey {
  readonly kid: string
  readonly publicJwk: object
}

export type Verification =
  | { readonly ok: true; readonly keyId: string }
  | { readonly ok: false; readonly why: string }

/** Documents begin with `{` or a heading: never what a token begins with, which the same key signs. */
export async function signDocument(content: string, signBytes: Sign): Promise<SignedDocument> {
  const bytes = Buffer.from(content, 'utf8')
  const { kid, signature, publicJwk } = await signBytes(bytes)
  return { content, sha256: hash('sha256', bytes), keyId: kid, signature, publicJwk }
}

/** Whether one of these keys has signed the very content. */
export function verifyEvidence(
  document: Pick<SignedDocument, 'content' | 'keyId' | 'signature'> & { readonly sha256?: string },
  publicKeys: readonly VerifyingKey[],
): Verification {
  const { content, keyId, signature, sha256 } = document
  const bytes = Buffer.from(content, 'utf8')
  if (sha256 !== undefined && sha256 !== hash('sha256', bytes)) {
    return { ok: false, why: 'the content is not the one whose SHA-256 stands there' }
  }
  const known = publicKeys.find(({ kid }) => kid === keyId)
  const key = known && importKey(known)
  if (key === undefined) return { ok: false, why: `the key ${keyId} is not known` }
  const isSigned = verify(null, bytes, key, Buffer.from(signature, 'base64url'))
  return isSigned
    ? { ok: true, keyId }
    : { ok: false, why: `the signature is not that of the key ${keyId} over this content` }
}

function importKey({ publicJwk }: VerifyingKey): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' })
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    // Whatever it is, it is no key that evidence is signed with.
    return undefined
  }
}

/** Signs with the installation's key for evidence. */
export function installationSign(metadata: MetadataStore): Sign {
  return async (bytes) => {
    const key = await ensureEvidenceKey(metadata)
    const { kid, signature } = key.sign(bytes)
    return {
      kid,
      signature: Buffer.from(signature).toString('base64url'),
      publicJwk: key.publicJwk,
    }
  }
}

/** RFC 4180. No program that opens it as a table takes a cell for a formula. */
export function csvOf(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')
}

function csvCell(text: string): string {
  const harmless = /^\s*[=+\-@|%＝＋－＠]|^\s/.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
