// Who may do what: namespaces, teams, grants, secrets, sign-in, sessions, trust rules, reviews, and the audit log.
// A grant on a repository that does not exist yet has its name only; the id is set when the repository is made, so
// that a repository made again under an old name inherits nothing.
import { sql } from 'kysely'
import type { ColumnWords, Migration } from './migration.ts'

export const access: Migration = {
  name: '0002-access',
  statements: (words) => [...principalsAndGrants(words), ...signIns(words), ...records(words)],
}

function principalsAndGrants({ text, bytes, integer, identity, keyed }: ColumnWords) {
  return [
    sql`alter table principals add column display_name ${text}`,
    sql`alter table principals add column last_seen_at ${integer}`,
    sql`alter table principals add column totp_secret ${bytes}`,
    // The last step of 30 seconds whose code was used: no code works twice.
    sql`alter table principals add column totp_step ${integer}`,
    sql`alter table principals add column created_by ${integer}`,
    sql`alter table principals add column expires_at ${integer}`,
    sql`create index principals_kind on principals (kind, name)`,
    sql`create table namespaces (
      id ${identity}, name ${text} not null unique, description ${text} not null default '',
      default_visibility ${text} not null default 'private', created_at ${integer} not null,
      created_by ${integer})`,
    sql`create table teams (
      id ${identity}, name ${text} not null unique, description ${text} not null default '',
      created_at ${integer} not null, created_by ${integer})`,
    // source: 'local', or the sign-in provider whose groups put the member here and may take it away again.
    sql`create table team_members (
      team_id ${integer} not null references teams (id) on delete cascade,
      principal_id ${integer} not null references principals (id) on delete cascade,
      source ${text} not null, maintainer ${integer} not null default 0, added_at ${integer} not null,
      added_by ${integer}, primary key (team_id, principal_id, source)) ${keyed}`,
    sql`create index team_members_principal on team_members (principal_id)`,
    sql`create table team_groups (
      team_id ${integer} not null references teams (id) on delete cascade,
      provider ${text} not null, group_name ${text} not null,
      primary key (team_id, provider, group_name)) ${keyed}`,
    sql`create index team_groups_group on team_groups (provider, group_name)`,
    // subject_kind: principal, team, signed-in, anonymous. place_kind: installation, root, namespace, repository,
    // glob; place is its text. actions: comma-separated, in the order of auth/action.ts.
    sql`create table grants (
      id ${identity}, subject_kind ${text} not null,
      principal_id ${integer} references principals (id) on delete cascade,
      team_id ${integer} references teams (id) on delete cascade,
      place_kind ${text} not null, place ${text} not null,
      repository_id ${integer} references repositories (id) on delete cascade,
      actions ${text} not null, reason ${text} not null default '',
      granted_at ${integer} not null, granted_by ${integer}, expires_at ${integer},
      last_used_at ${integer}, actions_used ${text} not null default '',
      changed_at ${integer} not null)`,
    sql`create index grants_principal on grants (principal_id) where principal_id is not null`,
    sql`create index grants_team on grants (team_id) where team_id is not null`,
    sql`create unique index grants_once on grants
      (subject_kind, coalesce(principal_id, 0), coalesce(team_id, 0), place)`,
    sql`create index grants_expires on grants (expires_at) where expires_at is not null`,
    sql`create index grants_place on grants (place_kind, place)`,
    sql`create index grants_repository on grants (repository_id) where repository_id is not null`,
  ]
}

function signIns({ text, integer, identity, keyed }: ColumnWords) {
  return [
    // kind: personal, robot, login. scopes: JSON of auth/token-scope.ts; null is all that the principal may.
    sql`create table tokens (
      id ${identity}, kind ${text} not null,
      principal_id ${integer} not null references principals (id) on delete cascade,
      name ${text} not null, scopes ${text}, created_at ${integer} not null, created_by ${integer},
      expires_at ${integer}, revoked_at ${integer}, last_used_at ${integer}, last_used_from ${text},
      expiry_told_at ${integer})`,
    sql`create index tokens_principal on tokens (principal_id)`,
    // At most two of a token live at once; an old one ends when its use stops, or at ends_at.
    sql`create table token_secrets (
      hash ${text} primary key, token_id ${integer} not null references tokens (id) on delete cascade,
      slot ${integer} not null, created_at ${integer} not null, last_used_at ${integer},
      replaced_at ${integer}, ends_at ${integer})`,
    sql`create index token_secrets_token on token_secrets (token_id)`,
    // kind: web (a cookie), refresh (docker's identity token), device (waits for a person to agree).
    sql`create table sessions (
      id ${identity}, hash ${text} not null unique, kind ${text} not null,
      principal_id ${integer} references principals (id) on delete cascade,
      created_at ${integer} not null, last_seen_at ${integer} not null, expires_at ${integer} not null,
      address ${text}, user_agent ${text}, detail ${text} not null default '{}')`,
    sql`create index sessions_principal on sessions (principal_id)`,
    sql`create index sessions_expires on sessions (expires_at)`,
    sql`create table login_attempts (
      key ${text} primary key, count ${integer} not null, window_ends_at ${integer} not null,
      blocked_until ${integer})`,
    sql`create index login_attempts_ends on login_attempts (window_ends_at)`,
    // Where an account has signed in from: strangers' failures do not lock these out.
    sql`create table known_clients (
      principal_id ${integer} not null references principals (id) on delete cascade,
      address ${text} not null, last_seen_at ${integer} not null,
      primary key (principal_id, address)) ${keyed}`,
    // A trust rule is a principal of kind federated: grants, last use and review are those of any other.
    sql`create table federation_rules (
      principal_id ${integer} primary key references principals (id) on delete cascade,
      kind ${text} not null, issuer ${text} not null, audience ${text} not null, claims ${text} not null,
      jwks_url ${text}, created_at ${integer} not null, created_by ${integer})`,
    sql`create index federation_rules_issuer on federation_rules (issuer)`,
    // An identity token that was taken once is taken again for a while: clients send it with every refresh.
    sql`create table federated_logins (
      hash ${text} primary key, principal_id ${integer} not null references principals (id) on delete cascade,
      claims ${text} not null, first_seen_at ${integer} not null, good_until ${integer} not null)`,
    sql`create index federated_logins_until on federated_logins (good_until)`,
  ]
}

function records({ text, integer, identity, keyed }: ColumnWords) {
  return [
    // Where a manifest came from, when a CI job pushed it: JSON of the claims that tell.
    sql`alter table manifests add column provenance ${text}`,
    sql`create table access_reviews (
      id ${identity}, name ${text} not null, owner_id ${integer}, place ${text} not null,
      created_at ${integer} not null, created_by ${integer}, due_at ${integer} not null,
      closed_at ${integer}, evidence ${text})`,
    // decision: keep, remove, shrink; null is open, and ends the grant at the deadline.
    sql`create table access_review_items (
      review_id ${integer} not null references access_reviews (id) on delete cascade,
      grant_id ${integer} not null, snapshot ${text} not null, decision ${text},
      decided_at ${integer}, decided_by ${integer}, note ${text} not null default '',
      primary key (review_id, grant_id)) ${keyed}`,
    // Written with the change itself; seq, previous and hash are set soon after, in order (audit/seal.ts).
    sql`create table audit (
      id ${identity}, at ${integer} not null, event ${text} not null, actor_id ${integer},
      actor ${text} not null, subject ${text} not null, address ${text}, detail ${text} not null,
      seq ${integer} unique, hash ${text})`,
    sql`create index audit_unsealed on audit (id) where seq is null`,
    sql`create index audit_actor on audit (actor, id)`,
    sql`create index audit_subject on audit (subject, id)`,
    // Every user had the namespace of that name; from now on that is a grant like any other.
    sql`insert into namespaces (name, created_at) select name, created_at from principals where kind = 'user'`,
    sql`insert into grants (subject_kind, principal_id, place_kind, place, actions, reason, granted_at, changed_at)
      select 'principal', id, 'namespace', name || '/', 'pull,push,overwrite,delete,decide,admin',
        'own namespace', created_at, created_at from principals where kind = 'user'`,
  ]
}
