import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { FederationClaimsError, parseConditions } from './federation-claims.ts'
import {
  federationPresets,
  isFederationKind,
  requireIdentity,
  warningsFor,
} from './federation-claims-presets.ts'
import type { FederationKind } from './federation-claims-presets.ts'

const github = 'https://token.actions.githubusercontent.com'
const gitlab = 'https://gitlab.com'
const cluster = 'https://kubernetes.default.svc'
const own = 'https://ci.acme.test'

type Case = readonly [FederationKind, string, Record<string, string | string[]>]

const good: readonly Case[] = [
  ['github', github, { repository: 'acme/app' }],
  ['github', github, { repository: 'acme/*' }],
  ['github', github, { repository: ['acme/app', 'acme/lib-*'], ref: '**' }],
  ['github', github, { repository_id: '74' }],
  ['github', github, { repository_owner_id: ['1', '2'] }],
  ['github', github, { repository_owner: 'acme', environment: 'production' }],
  ['github', github, { sub: 'repo:acme/app:ref:refs/heads/main' }],
  ['github', github, { sub: 'repo:acme@12/app@34:environment:prod' }],
  ['github', github, { sub: 'repo:acme/**' }],
  ['github', github, { sub: 'repository_owner_id:12:**' }],
  ['github', github, { workflow_ref: 'acme/app/.github/workflows/**' }],
  ['github', 'https://ghe.acme.test/_services/token', { repository: 'acme/app' }],
  ['gitlab', gitlab, { project_path: 'acme/app' }],
  ['gitlab', gitlab, { project_path: 'acme/**', ref: 'main' }],
  ['gitlab', gitlab, { namespace_path: 'acme' }],
  ['gitlab', gitlab, { project_id: '7' }],
  ['gitlab', gitlab, { sub: 'project_path:acme/app:ref_type:branch:ref:*' }],
  ['kubernetes', cluster, { sub: 'system:serviceaccount:ci:builder' }],
  ['kubernetes', cluster, { sub: 'system:serviceaccount:ci:*' }],
  ['kubernetes', cluster, { 'kubernetes.io.namespace': 'ci' }],
  ['kubernetes', cluster, { 'kubernetes.io.serviceaccount.uid': 's-1' }],
  ['custom', own, { sub: 'job-7' }],
  ['custom', own, { project: 'app-*' }],
  ['custom', github, { repository: 'acme/app' }],
  ['custom', 'https://accounts.google.com', { email: 'ci@acme.test' }],
  ['custom', 'https://agent.buildkite.com', { sub: 'organization:acme:pipeline:app:**' }],
]

const bad: readonly Case[] = [
  ['github', github, { ref: 'refs/heads/main' }],
  ['github', github, { ref: 'refs/heads/main', environment: 'production', actor: 'me' }],
  ['github', github, { repository: '*/app' }],
  ['github', github, { repository: '**' }],
  ['github', github, { repository: 'acme*/app' }],
  ['github', github, { repository: 'ac*/*' }],
  ['github', github, { repository: 'acme**' }],
  ['github', github, { repository: 'acme/' }],
  ['github', github, { repository: ['acme/app', '*/app'] }],
  ['github', github, { repository_id: '7*' }],
  ['github', github, { repository_owner: 'acme*' }],
  ['github', github, { repository_owner_id: '*' }],
  ['github', github, { sub: 'repo:*/app:ref:refs/heads/main' }],
  ['github', github, { sub: 'repo:acme*/app:**' }],
  ['github', github, { sub: 'repo:acme/' }],
  ['github', github, { sub: 'repo:**' }],
  ['github', github, { sub: 'ref:refs/heads/main' }],
  ['github', github, { sub: 'environment:production' }],
  ['github', github, { sub: 'repository_owner_id:1*' }],
  ['github', github, { sub: '*:acme/app' }],
  ['github', github, { job_workflow_ref: 'acme/common/.github/workflows/x.yml@main' }],
  ['github', github, { workflow_ref: '*/*/.github/workflows/x.yml@refs/heads/main' }],
  ['github', `${github}/acme`, { ref: 'refs/heads/main' }],
  ['gitlab', gitlab, { ref: 'main', ref_protected: 'true' }],
  ['gitlab', gitlab, { project_path: '*/app' }],
  ['gitlab', gitlab, { project_path: 'acme*' }],
  ['gitlab', gitlab, { namespace_path: 'acme**' }],
  ['gitlab', gitlab, { project_id: '1*' }],
  ['gitlab', gitlab, { sub: 'project_path:*/app:**' }],
  ['gitlab', gitlab, { user_login: 'me' }],
  ['kubernetes', cluster, { 'kubernetes.io.serviceaccount.name': 'builder' }],
  ['kubernetes', cluster, { sub: 'system:serviceaccount:*:builder' }],
  ['kubernetes', cluster, { sub: 'system:serviceaccount:c*:builder' }],
  ['kubernetes', cluster, { sub: 'system:serviceaccount:**' }],
  ['kubernetes', cluster, { 'kubernetes.io.namespace': 'ci-*' }],
  ['custom', own, { sub: '*' }],
  ['custom', own, { sub: '**' }],
  ['custom', own, { project: ['app', '*'] }],
  ['custom', own, { ref: 'refs/heads/main' }],
  ['custom', own, { admin: 'true' }],
  ['custom', github, { ref: 'refs/heads/main' }],
  ['custom', github, { actor: 'me' }],
  ['custom', gitlab, { user_login: 'me' }],
  ['custom', 'https://accounts.google.com', { email_verified: 'true' }],
  ['custom', 'https://accounts.google.com', { email: '*@acme.test' }],
  ['custom', 'https://agent.buildkite.com', { pipeline_slug: 'app' }],
  ['kubernetes', github, { sub: 'system:serviceaccount:ci:builder' }],
]

suite('who a trust rule means', () => {
  test('a rule that names an account or a project is accepted', () => {
    for (const [kind, issuer, conditions] of good) {
      requireIdentity(kind, issuer, parseConditions(conditions))
    }
  })

  test('a rule that strangers could use is refused, with claims that would help', () => {
    const accepted: unknown[] = []
    for (const [kind, issuer, conditions] of bad) {
      try {
        requireIdentity(kind, issuer, parseConditions(conditions))
        accepted.push([kind, issuer, conditions])
      } catch (error) {
        assert.ok(error instanceof FederationClaimsError)
        assert.match(error.message, /^The rule does not say who is meant: .+ Add .+\.$/)
      }
    }
    assert.deepEqual(accepted, [])
  })

  test('an issuer that signs for everybody is one under whatever kind', () => {
    const conditions = parseConditions({ sub: 'system:serviceaccount:ci:builder' })
    assert.throws(() => requireIdentity('kubernetes', github, conditions), /repository_owner_id/)
    requireIdentity(
      'kubernetes',
      'https://token.actions.githubusercontent.com.acme.test',
      conditions,
    )
  })

  test('names that may change hands, and rules for every branch, are worth a warning', () => {
    const warned = (kind: FederationKind, conditions: unknown): number =>
      warningsFor(kind, parseConditions(conditions)).length
    assert.equal(warned('github', { repository: 'acme/app' }), 2)
    assert.equal(warned('github', { repository_id: 1, ref: 'refs/heads/main' }), 0)
    assert.equal(warned('gitlab', { project_path: 'acme/app', ref: 'main' }), 1)
    assert.equal(warned('gitlab', { project_id: 1 }), 1)
    assert.equal(warned('kubernetes', { 'kubernetes.io.namespace': 'ci' }), 0)
    assert.equal(warned('custom', { sub: 'x' }), 0)
  })

  test('the presets know their issuers', () => {
    assert.equal(federationPresets.github.issuer, github)
    assert.equal(federationPresets.gitlab.issuer, gitlab)
    assert.equal(federationPresets.kubernetes.issuer, undefined)
    assert.equal(federationPresets.custom.issuer, undefined)
    for (const kind of Object.keys(federationPresets)) assert.ok(isFederationKind(kind))
    for (const text of ['', 'GitHub', 'constructor']) assert.ok(!isFederationKind(text))
  })
})
