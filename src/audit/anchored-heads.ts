// Heads of the audit log that were signed and kept outside of the database, one line of JSON each: whoever changes the
// database cannot change a copy of these. One head vouches for every row up to it.
import { createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ReportProblem } from './problems.ts'
import type { AuditHead } from '../metadata/audit-seals.ts'

export interface AnchoredHead extends AuditHead {
  /** The key of the installation that signed it. */
  readonly kid: string
  /** Ed25519 over headBytes, in base64url. */
  readonly signature: string
}

export interface AnchoredHeads {
  readonly bySeq: ReadonlyMap<number, Pick<AuditHead, 'hash' | 'at'>>
  /** The one with the largest number. */
  readonly last: AuditHead | undefined
  /** How many there are. */
  readonly count: number
}

export interface VerifyingKey {
  readonly kid: string
  readonly publicJwk: object
}

export const headsFileName = 'audit-heads.jsonl'

/** What is signed: never the beginning of a token, which the same key signs. */
export function headBytes({ seq, hash, at }: AuditHead): Uint8Array {
  return Buffer.from(JSON.stringify(['carrel-audit-head-1', seq, hash, at]))
}

export function headLine({ seq, hash, at, kid, signature }: AnchoredHead): string {
  return `${JSON.stringify({ seq, hash, at, kid, signature })}\n`
}

/** Undefined when the line is none of headLine. */
export function parseHead(line: string): AnchoredHead | undefined {
  try {
    const head = JSON.parse(line) as Record<keyof AnchoredHead, unknown>
    const { seq, hash, at, kid, signature } = head
    if (!Number.isSafeInteger(seq) || Number.isNaN(new Date(Number(at)).valueOf())) return undefined
    if (!Number.isSafeInteger(at)) return undefined
    if (![hash, kid, signature].every((text) => typeof text === 'string')) return undefined
    return { seq, hash, at, kid, signature } as AnchoredHead
  } catch {
    return undefined
  }
}

/** The lines of the file in the data folder; none when nothing was anchored yet. */
export async function* readHeadLines(folder: string): AsyncGenerator<string> {
  const handle = await open(join(folder, headsFileName)).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    throw error
  })
  if (handle === undefined) return
  await using _ = handle
  yield* handle.readLines({ autoClose: false })
}

export interface HeadSource {
  readonly heads?: AsyncIterable<string> | Iterable<string> | undefined
  /** Without them signatures are not looked at. Those of old heads must be among them. */
  readonly keys?: readonly VerifyingKey[] | undefined
}

/** Reads heads and tells which of them cannot be trusted; those that can are compared with the rows later. */
export async function collectHeads(
  { heads = [], keys }: HeadSource,
  report: ReportProblem,
): Promise<AnchoredHeads> {
  const bySeq = new Map<number, Pick<AuditHead, 'hash' | 'at'>>()
  const isSigned = keys && createSignatureCheck(keys)
  let last: AuditHead | undefined
  let count = 0
  let broken: number | undefined
  let number = 0
  for await (const line of heads) {
    number += 1
    if (number % 100 === 0) await setImmediate()
    if (line.trim() === '') continue
    // Of the last line a crash may have left a part; in the middle, somebody did it.
    if (broken !== undefined) report(unreadableHead(broken))
    const head = parseHead(line)
    broken = head === undefined ? number : undefined
    if (head === undefined) continue
    count += 1
    const wrong = isSigned?.(head) ?? contradiction(bySeq.get(head.seq), head)
    if (wrong !== undefined) {
      report({ kind: 'anchor', seq: head.seq, message: wrong })
      continue
    }
    bySeq.set(head.seq, { hash: head.hash, at: head.at })
    if (last === undefined || head.seq > last.seq) last = head
  }
  return { bySeq, last, count }
}

function unreadableHead(number: number): Parameters<ReportProblem>[0] {
  return { kind: 'anchor', message: `Line ${number} of the anchored heads cannot be read.` }
}

function contradiction(
  other: Pick<AuditHead, 'hash'> | undefined,
  head: AuditHead,
): string | undefined {
  if (other === undefined || other.hash === head.hash) return undefined
  return (
    `Two anchored heads tell of different entries ${head.seq}: the log was rewritten between them, ` +
    'or replaced by an older backup.'
  )
}

/** What is wrong with a head's signature. */
function createSignatureCheck(
  keys: readonly VerifyingKey[],
): (head: AnchoredHead) => string | undefined {
  const known = new Map<string, KeyObject>()
  for (const { kid, publicJwk } of keys) {
    const key = createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' })
    if (key.asymmetricKeyType === 'ed25519') known.set(kid, key)
  }
  return (head) => {
    const key = known.get(head.kid)
    if (key === undefined) {
      return `The head of entry ${head.seq} is signed with a key that this installation does not know.`
    }
    const signature = Buffer.from(head.signature, 'base64url')
    if (verify(null, headBytes(head), key, signature)) return undefined
    return `The head of entry ${head.seq} has a signature that is not this installation's.`
  }
}
