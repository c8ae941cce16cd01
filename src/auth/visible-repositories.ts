// The repositories that somebody may pull, in pages by name: candidates come from the ranges of names that grants
// speak of and from visibility, and the one authorisation function decides on each.
import type { Reader } from '../metadata/metadata-store.ts'
import {
  listRepositories,
  listRepositoriesInRange,
  type RepositoryRow,
} from '../metadata/repositories.ts'
import { decide } from './authorize.ts'
import type { HeldGrant } from './held-grant.ts'
import type { Identity } from './identity.ts'

interface PageOfNames {
  /** The last name of the page before; '' for the first. */
  readonly after: string
  readonly limit: number
}

type Source = (place: PageOfNames) => Promise<readonly RepositoryRow[]>

/** Whether every repository may be pulled, so that a listing needs no look at each. */
export function seesEverything(identity: Identity): boolean {
  if (identity.kind === 'open' || identity.kind === 'operator') return true
  if (identity.kind !== 'principal') return false
  const { admin, token } = identity
  return admin && token?.scopes === undefined
}

/** At most `limit` rows; fewer mean that there are no more. */
export async function listVisibleRepositories(
  reader: Reader,
  identity: Identity,
  { after, limit }: PageOfNames,
): Promise<readonly RepositoryRow[]> {
  const sources = sourcesOf(reader, identity)
  const found: RepositoryRow[] = []
  let from = after
  while (found.length < limit) {
    const { rows, end } = await merge(sources, { after: from, limit })
    for (const row of rows) {
      if (found.length < limit && mayPull(identity, row)) found.push(row)
    }
    if (end === undefined) break
    from = end
  }
  return found
}

/** `end`: up to which name nothing can be missing; undefined when all sources are at their end. */
async function merge(
  sources: readonly Source[],
  place: PageOfNames,
): Promise<{ readonly rows: readonly RepositoryRow[]; readonly end: string | undefined }> {
  const byName = new Map<string, RepositoryRow>()
  let end: string | undefined
  for (const source of sources) {
    const rows = await source(place)
    for (const row of rows) byName.set(row.name, row)
    const last = rows.length === place.limit ? rows.at(-1)?.name : undefined
    if (last !== undefined && (end === undefined || last < end)) end = last
  }
  const horizon = end
  const rows = [...byName.values()]
    .filter(({ name }) => horizon === undefined || name <= horizon)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return { rows, end }
}

function sourcesOf(reader: Reader, identity: Identity): readonly Source[] {
  const everything: Source = async (place) =>
    listRepositories(reader, { all: true, internal: true, ownNamespace: undefined }, place)
  if (identity.kind === 'open' || identity.kind === 'operator') return [everything]
  if (identity.kind === 'principal' && identity.admin) return [everything]
  const pulls = (identity.grants ?? []).filter(({ actions }) => actions.includes('pull'))
  const ranges = pulls.map(rangeOf)
  if (ranges.includes(undefined)) return [everything]
  const visible: Source = async (place) => {
    const internal = identity.kind === 'principal'
    return listRepositories(reader, { all: false, internal, ownNamespace: undefined }, place)
  }
  const granted = ranges.map(
    (range): Source =>
      async (place) =>
        listRepositoriesInRange(reader, { ...(range as Range), ...place }),
  )
  return [visible, ...granted]
}

interface Range {
  readonly from: string
  readonly to: string
}

/** All names that the grant can hold for lie in it; undefined: they lie anywhere. */
function rangeOf({ place: { kind, text } }: HeldGrant): Range | undefined {
  if (kind === 'repository') return { from: text, to: `${text}\0` }
  const prefix = kind === 'namespace' ? text : (/^[^*?/]*(?:\/[^*?/]*)*/.exec(text)?.[0] ?? '')
  if (kind === 'installation' || kind === 'root' || prefix === '') return undefined
  // '~' is after every character that a name can have.
  return { from: prefix, to: `${prefix}~` }
}

function mayPull(identity: Identity, repository: RepositoryRow): boolean {
  const { name } = repository
  const wanted = { action: 'pull', resource: { type: 'repository', name } } as const
  // A registry token is asked for the list as a whole, not for each repository in it.
  const { limits: _, ...bearer } = identity
  return decide(bearer, wanted, { repository }).allowed
}
