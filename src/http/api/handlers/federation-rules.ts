// /api/v1/federation-rules, for administrators: whom to trust concerns everybody.
import { testFederation } from '../../../access/federation-explanation.ts'
import {
  changeRule,
  createFederationRule,
  listRules,
  removeRule,
  showRule,
  type FederationRule,
} from '../../../access/federation-rules.ts'
import { Refusal } from '../../../access/refusal.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import { expecting } from '../etag.ts'
import { given } from '../given.ts'
import { installationAdmin, type ApiDeps, type Handlers } from '../handler.ts'
import { iso, times } from '../moment.ts'
import { pageById } from '../page.ts'
import { ProblemError } from '../problem-error.ts'

export const federationRuleHandlers: Handlers<OperationOf<'federation-rules'>> = {
  'federation-rules.list': {
    needs: installationAdmin,
    run: async ({ deps, input }) =>
      pageById(input, {
        fetch: async (after, limit) => listRules(deps, { after, limit }),
        keyOf: ({ id }) => id,
        item: ruleOutput,
      }),
  },
  'federation-rules.create': {
    needs: installationAdmin,
    run: async ({ deps, actor, input }) =>
      ruleOutput(await createFederationRule(verifying(deps), actor, input)),
  },
  'federation-rules.show': {
    needs: installationAdmin,
    run: async ({ deps, input }) => ruleOutput(await showRule(deps, input.name)),
  },
  'federation-rules.change': {
    needs: installationAdmin,
    async run({ deps, actor, input, expect }) {
      const changed = await changeRule(deps, actor, { ...input, ...expecting(expect, ruleOutput) })
      deps.forgetPrincipal(changed.id)
      return ruleOutput(changed)
    },
  },
  'federation-rules.remove': {
    needs: installationAdmin,
    async run({ deps, actor, input: { name }, expect }) {
      const removed = await removeRule(deps, actor, { name, ...expecting(expect, ruleOutput) })
      deps.forgetPrincipal(removed.id)
    },
  },
  'federation-rules.test': {
    needs: installationAdmin,
    async run({ deps, input: { token, rule } }) {
      const test = await testFederation(verifying(deps), token.trim(), rule)
      const { accepted, audience, issuer, subject, expiresAt, problem, rules } = test
      return {
        accepted,
        ...given({ rule: test.rule, issuer, subject }),
        audience,
        ...times({ expiresAt }),
        ...given({ problem }),
        rules: rules.map((tested) => ({
          name: tested.name,
          accepted: tested.accepted,
          disabled: tested.disabled,
          ...given({ problem: tested.problem }),
          claims: tested.claims.map(({ name, ok, expected, found }) => ({
            name,
            ok,
            expected,
            ...given({ found }),
          })),
        })),
      }
    },
  },
}

function verifying({ metadata, idTokens, audience = noAudience }: ApiDeps) {
  if (idTokens !== undefined) return { metadata, idTokens, audience }
  throw new ProblemError('not-served', 'Identity tokens cannot be verified here.')
}

/** Asked only when whoever makes a rule has not said it. */
function noAudience(): never {
  throw new Refusal('invalid', 'for whom are the tokens made?', {
    why: 'this installation does not know how its clients call it (CARREL_PUBLIC_URL)',
    fix: '--audience https://registry.example.com',
  })
}

function ruleOutput(rule: FederationRule): OutputOf<'federation-rules.show'> {
  const { name, kind, issuer, audience, claims, disabled, grants, warnings } = rule
  const { jwksUrl, createdAt, createdBy, lastSeenAt } = rule
  return {
    name,
    kind,
    issuer,
    audience,
    claims,
    ...given({ jwksUrl }),
    disabled,
    grants,
    createdAt: iso(createdAt),
    ...given({ createdBy }),
    ...times({ lastSeenAt }),
    warnings,
  }
}
