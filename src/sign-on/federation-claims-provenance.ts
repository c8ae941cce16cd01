// Where a push came from, in the words of the CI that pushed it: what is kept of the claims of its token.
import { claimAt } from './federation-claims.ts'
import type { Claims } from './federation-claims.ts'
import type { FederationKind } from './federation-claims-presets.ts'

export interface Provenance {
  readonly issuer: string
  readonly subject: string
  readonly repository?: string
  readonly ref?: string
  readonly sha?: string
  /** The id of the run, pipeline or pod. */
  readonly run?: string
  readonly actor?: string
  readonly environment?: string
}

type Part = Exclude<keyof Provenance, 'issuer' | 'subject'>

const maxCharacters = 256

/** The first claim of each that is there. */
const claimsByKind: Readonly<Record<FederationKind, Readonly<Record<Part, readonly string[]>>>> = {
  github: {
    repository: ['repository'],
    ref: ['ref'],
    sha: ['sha'],
    run: ['run_id'],
    actor: ['actor'],
    environment: ['environment'],
  },
  gitlab: {
    repository: ['project_path'],
    ref: ['ref'],
    sha: ['sha'],
    run: ['pipeline_id'],
    actor: ['user_login'],
    environment: ['environment'],
  },
  kubernetes: {
    repository: [],
    ref: [],
    sha: [],
    run: ['kubernetes.io.pod.name'],
    actor: ['kubernetes.io.serviceaccount.name'],
    environment: ['kubernetes.io.namespace'],
  },
  custom: {
    repository: ['repository', 'project_path'],
    ref: ['ref'],
    sha: ['sha'],
    run: ['run_id', 'pipeline_id', 'job_id'],
    actor: ['actor', 'user_login', 'email', 'preferred_username'],
    environment: ['environment'],
  },
}

/** Claims of a verified token. Texts are cut to 256 characters and have no control characters. */
export function provenanceOf(kind: FederationKind, claims: Claims): Provenance {
  const found: Partial<Record<Part, string>> = {}
  for (const [part, names] of Object.entries(claimsByKind[kind]) as [Part, readonly string[]][]) {
    const text = names.map((name) => plainText(claimAt(claims, name))).find((one) => one !== '')
    if (text !== undefined) found[part] = text
  }
  return { issuer: plainText(claims['iss']), subject: plainText(claims['sub']), ...found }
}

/** Nothing for what is neither a text nor a number. */
function plainText(value: unknown): string {
  if (typeof value !== 'string' && !Number.isSafeInteger(value)) return ''
  const text = String(value).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
  // Not in the middle of a character that takes two units.
  return text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, '')
}
