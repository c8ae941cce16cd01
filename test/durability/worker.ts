// What the clients of a load have in common: their shelf of things pushed, and the one way in which a
// change is asked for and logged.
import type { AcknowledgementLog, Effect } from './acknowledgements.ts'
import type { Answer, Client } from './client.ts'
import type { Random } from './random.ts'

/** What was acknowledged and can be used again: mounted, tagged, listed in an index. */
export interface Shelf {
  readonly repositories: readonly string[]
  readonly blobs: { readonly repository: string; readonly blob: Content }[]
  readonly manifests: { readonly repository: string; readonly manifest: Content }[]
  /** Begun and left, to be finished after a restart. */
  readonly uploads: OpenUpload[]
}

/** Some of its bytes were sent. */
export interface OpenUpload {
  readonly repository: string
  readonly location: string
  readonly bytes: Buffer
  readonly digest: string
}

export interface Content {
  readonly digest: string
  readonly size: number
  readonly mediaType: string
  /** Of manifests only. */
  readonly bytes?: Buffer
}

export interface Counts {
  acknowledged: number
  refused: number
  manifests: number
}

export interface Worker {
  readonly client: Client
  readonly log: AcknowledgementLog
  readonly random: Random
  readonly shelf: Shelf
  readonly problems: string[]
  readonly counts: Counts
  readonly mayRefuse?: (answer: Answer) => boolean
  /** In bytes; without it, two MiB. */
  readonly largestBlob?: number | undefined
  /** Whether manifests are deleted too; then an index may come too late for its parts. */
  readonly deletes?: boolean | undefined
  /** Whether blobs that nothing needs go soon. */
  readonly collects?: boolean | undefined
  readonly onAcknowledged?: () => void
}

export interface ChangingRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Sends a request and logs what its answer promises. */
export async function change(
  { client, log, counts, onAcknowledged }: Worker,
  { method, path, ...ask }: ChangingRequest,
  effects: readonly Effect[],
): Promise<Answer | undefined> {
  const end = log.begin(effects)
  const answer = await client.ask(method, path, ask)
  if (answer === undefined || answer.status >= 500) end('unknown')
  else if (answer.status < 300) {
    end('done')
    counts.acknowledged += 1
    onAcknowledged?.()
  } else {
    end('refused')
    counts.refused += 1
  }
  return answer
}

/** Any other status is a fault of the registry: every request here is a right one. */
export function expectStatus(
  worker: Pick<Worker, 'problems' | 'mayRefuse'>,
  told: string,
  answer: Answer | undefined,
  ...statuses: readonly number[]
): boolean {
  if (answer === undefined) return false
  if (statuses.includes(answer.status)) return true
  if (worker.mayRefuse?.(answer) === true) return false
  worker.problems.push(told)
  return false
}
