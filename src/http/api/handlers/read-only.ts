// /api/v1/read-only. Whoever is signed in may know; administrators of the installation switch it.
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { appendAudit } from '../../../metadata/audit.ts'
import {
  findReadOnly,
  switchReadOnlyOff,
  switchReadOnlyOn,
  type ReadOnlyState,
} from '../../../metadata/read-only.ts'
import { given } from '../given.ts'
import { installationAdmin, signedIn, type Handlers } from '../handler.ts'
import { iso, ms, times } from '../moment.ts'
import { invalidInput } from '../problem-error.ts'

export const readOnlyHandlers: Handlers<OperationOf<'read-only'>> = {
  'read-only.show': {
    needs: signedIn,
    run: async ({ deps: { metadata } }) => outputOf(await findReadOnly(metadata)),
  },
  'read-only.on': {
    needs: installationAdmin,
    async run({ deps: { metadata }, actor, input: { until, reason = '' } }) {
      const now = Date.now()
      const end = until === undefined ? undefined : ms(until)
      if (end !== undefined && end <= now) {
        throw invalidInput([{ path: 'until', message: 'The end must lie in the future.' }])
      }
      return metadata.write(async (tx) => {
        const before = await findReadOnly(tx)
        const state = { since: before?.since ?? now, until: end, reason, by: actor.name }
        await switchReadOnlyOn(tx, state)
        await appendAudit(tx, {
          event: 'read-only.on',
          actor,
          subject: 'installation',
          detail: { ...(end !== undefined && { until: iso(end) }), reason },
        })
        return outputOf(state)
      })
    },
  },
  'read-only.off': {
    needs: installationAdmin,
    async run({ deps: { metadata }, actor }) {
      return metadata.write(async (tx) => {
        const before = await switchReadOnlyOff(tx)
        if (before !== undefined) {
          await appendAudit(tx, { event: 'read-only.off', actor, subject: 'installation' })
        }
        return outputOf(undefined)
      })
    },
  },
}

function outputOf(state: ReadOnlyState | undefined): OutputOf<'read-only.show'> {
  if (state === undefined) return { readOnly: false }
  const { since, until, reason, by } = state
  return {
    readOnly: true,
    ...times({ since, until }),
    ...given({ reason: reason || undefined, by: by || undefined }),
  }
}
