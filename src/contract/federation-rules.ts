// Trust rules: jobs of a CI system sign in with the identity token that the system gives them, without any secret.
import { z } from 'zod'
import * as f from './fields.ts'
import { operation } from './operation.ts'

export const federationKind = z
  .enum(['github', 'gitlab', 'kubernetes', 'custom'])
  .describe('Which system it is: what it calls its claims')

const url = z.url().max(1000)

/** A claim must be the value, or match it where it has *; with a list: any of them. */
const condition = z.union([f.text(500), z.array(f.text(500)).min(1).max(50)])

const claims = z
  .record(f.text(100), condition)
  .refine((all) => Object.keys(all).length <= 50, { error: 'At most 50 claims.' })
  .describe(
    'What the token must say, such as {"repository": "acme/shop", "ref": ["refs/heads/main", "refs/tags/v*"]}',
  )

export const federationRule = z
  .object({
    name: f.principalName,
    kind: federationKind,
    issuer: url.describe('Who must have signed the token'),
    audience: f.text(500).describe('For whom the token must have been made'),
    claims,
    jwksUrl: url.optional().describe('Where the issuer’s keys are, when the issuer does not tell'),
    disabled: z.boolean(),
    createdAt: f.time,
    createdBy: f.principalName.optional(),
    lastSeenAt: f.time.optional().describe('When a job last signed in by it; absent: never'),
  })
  .meta({ id: 'FederationRule' })

const name = f.principalName

export const federationRules = {
  'federation-rules.list': operation({
    method: 'GET',
    path: '/federation-rules',
    summary: 'List trust rules',
    input: z.strictObject(f.pageInput),
    output: f.pageOf(federationRule),
    status: 200,
  }),
  'federation-rules.create': operation({
    method: 'POST',
    path: '/federation-rules',
    summary: 'Trust jobs of a CI system',
    description: 'The rule is a principal of its own: other grants can be given to federated:NAME.',
    input: z.strictObject({
      name,
      kind: federationKind,
      issuer: url
        .optional()
        .describe('Who must have signed the token; that of the kind when left out'),
      audience: f
        .text(500)
        .min(1)
        .optional()
        .describe('For whom the token must have been made; this registry when left out'),
      claims,
      jwksUrl: url
        .optional()
        .describe('Where the issuer’s keys are, when the issuer does not tell'),
      grants: f.scopes.optional().describe('What it may do, such as ["web/app:pull,push"]'),
    }),
    output: federationRule,
    status: 201,
    versioned: true,
  }),
  'federation-rules.show': operation({
    method: 'GET',
    path: '/federation-rules/{name}',
    summary: 'Show a trust rule',
    input: z.strictObject({ name }),
    output: federationRule,
    status: 200,
    versioned: true,
  }),
  'federation-rules.remove': operation({
    method: 'DELETE',
    path: '/federation-rules/{name}',
    summary: 'Remove a trust rule and its grants',
    input: z.strictObject({ name }),
    output: f.nothing,
    status: 204,
    versioned: true,
  }),
  'federation-rules.test': operation({
    method: 'POST',
    path: '/federation-rules/{name}/test',
    summary: 'Try a token with a trust rule, and learn why it fits or not',
    input: z.strictObject({
      name,
      token: z.string().min(1).max(16_384).describe('The identity token of a job'),
    }),
    output: z
      .object({
        accepted: z.boolean(),
        checks: z
          .array(
            z.object({
              name: f.text(200).describe('signature, issuer, audience, expiry, or a claim'),
              ok: z.boolean(),
              expected: f.text(2000).optional(),
              found: f.text(2000).optional(),
            }),
          )
          .max(100),
      })
      .meta({ id: 'FederationTest' }),
    status: 200,
  }),
}
