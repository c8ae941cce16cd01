// /api/v1/audit
import { ensureEvidenceKey } from '../../../access/evidence-key.ts'
import { readHeadLines, type HeadSource } from '../../../audit/anchored-heads.ts'
import { exportAudit } from '../../../audit/export.ts'
import { sealAudit } from '../../../audit/seal.ts'
import { verifyAudit } from '../../../audit/verify.ts'
import type { auditFilters } from '../../../contract/audit.ts'
import type { OperationOf, OutputOf, ParsedInputOf } from '../../../contract/operations.ts'
import { appendAudit, listAudit, type AuditRow } from '../../../metadata/audit.ts'
import type { MetadataStore } from '../../../metadata/metadata-store.ts'
import { given } from '../given.ts'
import { installationAdmin, type Handlers } from '../handler.ts'
import { iso, ms } from '../moment.ts'
import { pageById } from '../page.ts'

export const auditHandlers: Handlers<OperationOf<'audit'>> = {
  'audit.list': {
    needs: installationAdmin,
    async run({ deps: { metadata }, input }) {
      const filter = filterOf(input)
      const { oldestFirst = false } = input
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
  'audit.export': {
    needs: installationAdmin,
    async run({ deps: { metadata }, actor, input }) {
      const { format, ...rest } = input
      const detail = { format, ...rest }
      await metadata.write(async (tx) =>
        appendAudit(tx, { event: 'audit.exported', actor, subject: 'audit', detail }),
      )
      await sealAudit(metadata)
      return {
        mediaType: format === 'csv' ? 'text/csv' : 'application/x-ndjson',
        pieces: exportAudit(metadata, { format, ...filterOf(input) }),
      }
    },
  },
  'audit.verify': {
    needs: installationAdmin,
    async run({ deps: { metadata, auditFolder } }) {
      // Rows of a server that was stopped may wait for it still.
      await sealAudit(metadata)
      const anchors = auditFolder === undefined ? {} : await anchorsIn(auditFolder, metadata)
      const { from, to, ...report } = await verifyAudit(metadata, anchors)
      return { ...report, ...given({ from, to }) }
    },
  },
}

async function anchorsIn(folder: string, metadata: MetadataStore): Promise<HeadSource> {
  return { heads: readHeadLines(folder), keys: [await ensureEvidenceKey(metadata)] }
}

function filterOf(input: Pick<ParsedInputOf<'audit.list'>, keyof typeof auditFilters>) {
  const { event, actor, subject, from, until } = input
  return {
    event,
    actor,
    subject,
    since: from === undefined ? undefined : ms(from),
    until: until === undefined ? undefined : ms(until),
  }
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
