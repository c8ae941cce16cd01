// The audit log: who did what to what. Entries are chained by their hashes, so that what is changed later shows.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const auditEntry = z
  .object({
    id: f.id,
    at: f.time,
    event: f.text(100).describe('What happened, such as grant.added'),
    actor: f.text(300).describe('Name of who did it'),
    actorId: f.id.optional().describe('Absent when it was nobody with an account'),
    subject: f.text(1000).describe('What it was done to'),
    address: f.address.optional(),
    detail: z.record(z.string(), z.unknown()),
    seq: z.int().optional().describe('Place in the chain; absent for a moment, until it is sealed'),
    hash: f.text(64).optional().describe('SHA-256 over this entry and the hash before it'),
  })
  .meta({ id: 'AuditEntry' })

export const auditFilters = {
  event: f
    .text(100)
    .min(1)
    .optional()
    .describe('This event, or all that begin with it when it ends with a dot: grant.'),
  actor: f.text(300).min(1).optional().describe('Name of who did it'),
  subject: f.text(1000).min(1).optional().describe('What it was done to'),
  from: f.time.optional().describe('From this time on'),
  until: f.time.optional().describe('Before this time'),
}

export const audit = {
  'audit.list': operation({
    method: 'GET',
    path: '/audit',
    summary: 'List what happened, newest first',
    input: z.strictObject({
      ...auditFilters,
      oldestFirst: f.queryFlag().optional().describe('The other way round, as for an export'),
      ...f.pageInput,
    }),
    output: f.pageOf(auditEntry),
    status: 200,
  }),
  'audit.export': operation({
    method: 'GET',
    path: '/audit/export',
    summary: 'Get the whole log as a file, oldest first',
    description:
      'Each line of JSON has what is needed to check it far from here. That the log was exported is told in the log.',
    input: z.strictObject({
      ...auditFilters,
      format: z
        .enum(['jsonl', 'csv'])
        .default('jsonl')
        .describe('jsonl: an entry a line, in JSON; csv: for spreadsheets'),
    }),
    output: z.string().describe('The file'),
    status: 200,
    streamed: ['application/x-ndjson', 'text/csv'],
  }),
  'audit.verify': operation({
    method: 'GET',
    path: '/audit/verify',
    summary: 'Check that nothing in the log was changed, removed or put in between',
    input: z.strictObject({}),
    output: z
      .object({
        ok: z.boolean(),
        entries: z.int().describe('How many sealed entries were checked'),
        from: z.int().optional().describe('Number of the first of them'),
        to: z.int().optional().describe('Number of the last of them'),
        unsealed: z.int().describe('How many are too young to be in the chain'),
        heads: z.int().describe('How many ends of the log, kept elsewhere, were compared'),
        signaturesChecked: z.boolean().describe('Whether their signatures were checked'),
        problems: z
          .array(
            z.object({
              kind: f
                .text(50)
                .describe('changed, missing, order, truncated, unsealed, head, anchor'),
              seq: z.int().optional().describe('Number of the entry'),
              message: f.text(2000),
            }),
          )
          .max(100)
          .describe('The first ones'),
        problemCount: z.int().describe('How many there are'),
      })
      .meta({ id: 'AuditVerification' }),
    status: 200,
  }),
}
