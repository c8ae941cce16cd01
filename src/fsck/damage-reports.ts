// What requests find: each blob is looked at once, however many clients ask for it at the same moment.
import type { Digest } from '../oci/digest.ts'
import { quarantineBlob, type QuarantineDeps, type QuarantineOutcome } from './quarantine.ts'

export interface DamageReports {
  /**
   * Looks whether it is true, and sets the blob aside then. `absent`: it counts as absent from now on. Never rejects:
   * whoever reports has an answer to give.
   */
  report(repository: string, digest: Digest): Promise<'absent' | 'uncertain'>
}

export interface DamageReportsDeps extends QuarantineDeps {
  readonly damaged: (event: {
    readonly kind: 'damaged'
    readonly repository: string
    readonly digest: Digest
    readonly message: string
  }) => void
}

export function createDamageReports(deps: DamageReportsDeps): DamageReports {
  const running = new Map<Digest, Promise<QuarantineOutcome>>()

  async function look(repository: string, digest: Digest): Promise<QuarantineOutcome> {
    const outcome = await quarantineBlob(deps, digest, 'read').catch(
      (error: unknown): QuarantineOutcome => ({ kind: 'unreadable', what: String(error) }),
    )
    const message = describe(digest, repository, outcome)
    if (message !== undefined) deps.damaged({ kind: 'damaged', repository, digest, message })
    return outcome
  }

  return {
    async report(repository, digest) {
      const found = running.get(digest) ?? look(repository, digest)
      running.set(digest, found)
      const { kind } = await found
      running.delete(digest)
      return kind === 'damaged' || kind === 'absent' ? 'absent' : 'uncertain'
    },
  }
}

function describe(
  digest: Digest,
  repository: string,
  outcome: QuarantineOutcome,
): string | undefined {
  const pulled = `Somebody pulled ${digest} from ${repository}.`
  switch (outcome.kind) {
    case 'damaged':
      return `${pulled} ${outcome.what} No wrong byte was taken for whole: it counts as absent now. Push the image again.`
    case 'unreadable':
      return `${pulled} ${outcome.what} Nothing was changed; check the disk.`
    case 'doubtful':
      return `${pulled} ${outcome.what} Others are not there either: is the storage folder mounted? Nothing was changed.`
    case 'whole':
      return `${pulled} What was read were other bytes than were pushed, but now they are right. Check memory and disk.`
    case 'absent':
      return undefined
  }
}
