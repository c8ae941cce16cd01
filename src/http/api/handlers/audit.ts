// /api/v1/audit
import { sealAudit } from '../../../audit/seal.ts'
import { verifyAudit } from '../../../audit/verify.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { listAudit, type AuditRow } from '../../../metadata/audit.ts'
import { given } from '../given.ts'
import { installationAdmin, type Handlers } from '../handler.ts'
import { iso, ms } from '../moment.ts'
import { pageById } from '../page.ts'

export const auditHandlers: Handlers<OperationOf<'audit'>> = {
  'audit.list': {
    needs: installationAdmin,
    async run({ deps: { metadata }, input }) {
      const { event, actor, subject, from, until, oldestFirst = false } = input
      const filter = {
        event,
        actor,
        subject,
        since: from === undefined ? undefined : ms(from),
        until: until === undefined ? undefined : ms(until),
      }
      return pageById(input, {
        // 0 is before the first page, whichever way it goes.
        async fetch(key, limit) {
          const place = oldestFirst ? { after: key } : { before: key === 0 ? undefined : key }
          return listAudit(metadata, { ...filter, ...place, limit })
        },
        keyOf: ({ id }) => id,
        item: entryOutput,
      })
    },
  },
  'audit.verify': {
    needs: installationAdmin,
    async run({ deps: { metadata } }) {
      // Rows of a server that was stopped may wait for it still.
      await sealAudit(metadata)
      const { from, to, ...report } = await verifyAudit(metadata)
      return { ...report, ...given({ from, to }) }
    },
  },
}

export function entryOutput(row: AuditRow): OutputOf<'audit.list'>['items'][number] {
  const { id, at, event, actor, subject, address, detail, seq, hash } = row
  return {
    id,
    at: iso(at),
    event,
    actor: actor.name,
    ...given({ actorId: actor.id }),
    subject,
    ...given({ address }),
    detail,
    ...given({ seq, hash }),
  }
}
