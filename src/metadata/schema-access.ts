// The tables of access control as kysely sees them (migrations/0002-access.ts says what each is for).
import type { Generated } from 'kysely'

export interface AccessSchema {
  namespaces: {
    id: Generated<number>
    name: string
    description: string
    default_visibility: string
    created_at: number
    created_by: number | null
  }
  teams: {
    id: Generated<number>
    name: string
    description: string
    created_at: number
    created_by: number | null
  }
  team_members: {
    team_id: number
    principal_id: number
    source: string
    maintainer: number
    added_at: number
    added_by: number | null
  }
  team_groups: { team_id: number; provider: string; group_name: string }
  grants: {
    id: Generated<number>
    subject_kind: string
    principal_id: number | null
    team_id: number | null
    place_kind: string
    place: string
    repository_id: number | null
    actions: string
    reason: string
    granted_at: number
    granted_by: number | null
    expires_at: number | null
    last_used_at: number | null
    actions_used: Generated<string>
    changed_at: number
  }
  tokens: {
    id: Generated<number>
    kind: string
    principal_id: number
    name: string
    scopes: string | null
    created_at: number
    created_by: number | null
    expires_at: number | null
    revoked_at: number | null
    last_used_at: number | null
    last_used_from: string | null
    expiry_told_at: number | null
  }
  token_secrets: {
    /** SHA-256 in hexadecimal; the secret itself is kept nowhere. */
    hash: string
    token_id: number
    slot: number
    created_at: number
    last_used_at: number | null
    replaced_at: number | null
    ends_at: number | null
  }
  sessions: {
    id: Generated<number>
    hash: string
    kind: string
    principal_id: number | null
    created_at: number
    last_seen_at: number
    expires_at: number
    address: string | null
    user_agent: string | null
    detail: string
  }
  login_attempts: {
    key: string
    count: number
    window_ends_at: number
    blocked_until: number | null
  }
  known_clients: { principal_id: number; address: string; last_seen_at: number }
  federation_rules: {
    principal_id: number
    kind: string
    issuer: string
    audience: string
    claims: string
    jwks_url: string | null
    created_at: number
    created_by: number | null
  }
  federated_logins: {
    hash: string
    principal_id: number
    claims: string
    first_seen_at: number
    good_until: number
  }
  access_reviews: {
    id: Generated<number>
    name: string
    owner_id: number | null
    place: string
    created_at: number
    created_by: number | null
    due_at: number
    closed_at: number | null
    evidence: string | null
  }
  access_review_items: {
    review_id: number
    grant_id: number
    snapshot: string
    decision: string | null
    decided_at: number | null
    decided_by: number | null
    note: string
  }
  audit: {
    id: Generated<number>
    at: number
    event: string
    actor_id: number | null
    actor: string
    subject: string
    address: string | null
    detail: string
    seq: number | null
    hash: string | null
  }
}
