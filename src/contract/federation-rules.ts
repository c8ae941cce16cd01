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
    grants: z.int().describe('How many of its own it has'),
    createdAt: f.time,
    createdBy: f.principalName.optional(),
    lastSeenAt: f.time.optional().describe('When a job last signed in by it; absent: never'),
    warnings: z.array(f.text(500)).max(20).describe('What is worth a second look, in sentences'),
  })
  .meta({ id: 'FederationRule' })

const claimText = f.text(600)

export const federationTest = z
  .object({
    accepted: z.boolean(),
    rule: f.principalName.optional().describe('The rule by which it is accepted'),
    issuer: claimText.optional().describe('As the token says; nobody has verified it'),
    subject: claimText.optional(),
    audience: z.array(claimText).max(20),
    expiresAt: f.time.optional(),
    problem: f.text(1000).optional().describe('Why no rule could be asked'),
    rules: z
      .array(
        z.object({
          name: f.principalName,
          accepted: z.boolean(),
          disabled: z.boolean(),
          problem: f
            .text(1000)
            .optional()
            .describe('What is wrong with the token itself: signature, audience, time'),
          claims: z
            .array(
              z.object({
                name: f.text(200),
                ok: z.boolean(),
                expected: z.array(f.text(600)).max(50).describe('Any of these'),
                found: claimText.optional().describe('Absent: the token has no such claim'),
              }),
            )
            .max(50),
        }),
      )
      .describe('Those for its issuer, or the one that was asked for'),
  })
  .meta({ id: 'FederationTest' })

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
      scopes: f.scopes
        .optional()
        .describe(
          'What it may do from the start, such as ["web/app:pull,push"]: each becomes a grant',
        ),
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
  'federation-rules.change': operation({
    method: 'PATCH',
    path: '/federation-rules/{name}',
    summary: 'Disable or enable a trust rule',
    description: 'Whom it trusts never changes: make another one for that.',
    input: z.strictObject({
      name,
      disabled: z.boolean().describe('Nobody signs in by it, and whoever has stops'),
    }),
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
    path: '/access/identity-token',
    summary: 'Try an identity token, and learn which trust rule takes it and why the others do not',
    description: 'Nobody is signed in by it.',
    input: z.strictObject({
      token: z.string().min(1).max(16_384).describe('The identity token of a job'),
      rule: name.optional().describe('Ask this rule alone'),
    }),
    output: federationTest,
    status: 200,
  }),
}
