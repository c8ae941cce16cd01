// The id of an upload session is a signed ticket: it says when the session began and holds for one repository and one
// principal. Opening a session therefore writes nothing; a row appears with the first stored part
// (metadata/uploads.ts). A ticket of another repository or principal is simply unknown.
import { hash, randomFillSync, timingSafeEqual } from 'node:crypto'
import type { DigestAlgorithm } from '../oci/digest.ts'

export interface UploadOwner {
  readonly repositoryId: number
  /** undefined: nobody in particular (open mode). */
  readonly principalId: number | undefined
}

export interface UploadTicket extends UploadOwner {
  /** What stands in the URL; also the key of the session's row. */
  readonly id: string
  readonly startedAt: Date
  /** The hash to make while the bytes arrive. */
  readonly algorithm: DigestAlgorithm
}

export interface UploadTickets {
  open(owner: UploadOwner, algorithm: DigestAlgorithm): UploadTicket
  /** undefined: not a ticket of this installation, of another owner, or too old. */
  read(id: string, owner: UploadOwner): UploadTicket | undefined
}

const randomBytes = 15
const payloadBytes = randomBytes + 4 + 1
const signatureBytes = 16
const idPattern = /^[A-Za-z0-9_-]{48}$/
const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512']

/** `secret`: the installation's own, the same on every node. */
export function createUploadTickets(secret: Uint8Array, lifetimeMs: number): UploadTickets {
  const key = Buffer.from(secret).toString('base64')
  const pool = Buffer.alloc(randomBytes * 256)
  let used = pool.length

  /**
   * Half of a SHA-256 over the key and the rest: who does not know the other half cannot append to it, so this is as
   * good as an HMAC, at a tenth of what Node takes for one.
   */
  function sign(payload: Buffer, { repositoryId, principalId }: UploadOwner): Buffer {
    const text = `${key}:${payload.toString('base64')}:${repositoryId}:${principalId ?? ''}`
    return hash('sha256', text, 'buffer').subarray(0, signatureBytes)
  }

  /** Random bytes are drawn for many tickets at once. */
  function drawInto(payload: Buffer): void {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    pool.copy(payload, 0, used, used + randomBytes)
    used += randomBytes
  }

  return {
    open(owner, algorithm) {
      const payload = Buffer.allocUnsafe(payloadBytes)
      drawInto(payload)
      const startedAt = Math.floor(Date.now() / 1000)
      payload.writeUInt32BE(startedAt, randomBytes)
      payload.writeUInt8(algorithms.indexOf(algorithm), randomBytes + 4)
      const id = Buffer.concat([payload, sign(payload, owner)]).toString('base64url')
      return { ...owner, id, startedAt: new Date(startedAt * 1000), algorithm }
    },

    read(id, owner) {
      if (!idPattern.test(id)) return undefined
      const bytes = Buffer.from(id, 'base64url')
      const payload = bytes.subarray(0, payloadBytes)
      if (!timingSafeEqual(bytes.subarray(payloadBytes), sign(payload, owner))) return undefined
      const startedAt = new Date(payload.readUInt32BE(randomBytes) * 1000)
      if (Date.now() - startedAt.getTime() > lifetimeMs) return undefined
      const algorithm = algorithms[payload.readUInt8(randomBytes + 4)]
      if (algorithm === undefined) return undefined
      return { ...owner, id, startedAt, algorithm }
    },
  }
}
