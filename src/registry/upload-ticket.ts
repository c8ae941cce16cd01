// The id of an upload session is a signed ticket: it says when the session began and holds for one repository and one
// principal. Opening a session therefore writes nothing; a row appears with the first stored part
// (metadata/uploads.ts). A ticket of another repository or principal is simply unknown.
import { createHmac, createSecretKey, randomFillSync, timingSafeEqual } from 'node:crypto'
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
  // As a key object: Node 24 takes many times as long with the bytes themselves.
  const key = createSecretKey(secret)

  function sign(payload: Uint8Array, owner: UploadOwner): Buffer {
    const mac = createHmac('sha256', key)
    mac.update(payload)
    mac.update(`${owner.repositoryId}:${owner.principalId ?? ''}`)
    return mac.digest().subarray(0, signatureBytes)
  }

  return {
    open(owner, algorithm) {
      const payload = Buffer.allocUnsafe(payloadBytes)
      randomFillSync(payload, 0, randomBytes)
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
