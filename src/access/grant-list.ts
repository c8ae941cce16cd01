// Lists of grants: of somebody, of a place with all within it, of what an access review is for.
import { containsPlace, type Place, type PlaceKind } from '../auth/place.ts'
import {
  listGrants as listGrantRows,
  type GrantFilter,
  type GrantRow,
} from '../metadata/grant-rows.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { requirePlace } from './grants.ts'
import { findSubject } from './subjects.ts'

/** What is left out does not narrow; several: grants that match each of them. */
export interface GrantQuery {
  /** As in `user:ann`: what was given to exactly that one. */
  readonly who?: string | undefined
  /** This place, and all within it. */
  readonly where?: string | undefined
  /** Neither used nor given since; milliseconds since 1970. */
  readonly unusedSince?: number | undefined
  readonly neverUsed?: boolean | undefined
  /** Used, but with actions that nobody used. */
  readonly broaderThanUsed?: boolean | undefined
  readonly noExpiry?: boolean | undefined
  readonly disabledHolder?: boolean | undefined
  /** Whether the caller may see it. */
  readonly isVisible?:
    | ((grant: Grant, place: Place, repositoryId: number | undefined) => boolean)
    | undefined
  /** The id of the last one of the page before; 0 for the first page. */
  readonly after: number
  readonly limit: number
}

const rowsAtOnce = 500

/** In the order in which they were given. @throws {Refusal} invalid, not-found for who */
export async function listGrants(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  asked: GrantQuery,
): Promise<readonly Grant[]> {
  const place = asked.where === undefined ? undefined : requirePlace(asked.where)
  return metadata.read(async (tx) => {
    const filter = await filterOf(tx, asked, place)
    const grants: Grant[] = []
    for (let after = asked.after; grants.length < asked.limit;) {
      const rows = await listGrantRows(tx, filter, { after, limit: rowsAtOnce })
      grants.push(...matchesOf(rows, asked, place).slice(0, asked.limit - grants.length))
      const last = rows.at(-1)
      if (last === undefined || rows.length < rowsAtOnce) break
      after = last.id
    }
    return grants
  })
}

async function filterOf(
  reader: Reader,
  { who, unusedSince, neverUsed, noExpiry, disabledHolder }: GrantQuery,
  place: Place | undefined,
): Promise<GrantFilter> {
  return {
    holder: who === undefined ? undefined : await findSubject(reader, who),
    ...(place !== undefined && beginningOf(place)),
    unusedSince,
    neverUsed,
    noExpiry,
    disabledHolder,
  }
}

/** What the database can narrow by: the text of places within this one begins so. */
function beginningOf({ kind, text }: Place): Pick<GrantFilter, 'place' | 'placePrefix'> {
  switch (kind) {
    case 'repository':
      return { place: text }
    case 'namespace':
      return { placePrefix: text }
    case 'glob':
      return { placePrefix: /^[^*?]*/.exec(text)?.[0] ?? '' }
    default:
      return {}
  }
}

function matchesOf(
  rows: readonly GrantRow[],
  { broaderThanUsed, isVisible }: GrantQuery,
  within: Place | undefined,
): readonly Grant[] {
  const found: Grant[] = []
  for (const row of rows) {
    const place: Place = { kind: row.placeKind as PlaceKind, text: row.place }
    if (within !== undefined && !containsPlace(within, place)) continue
    const grant = grantOf(row)
    if (broaderThanUsed === true && !grant.flags.includes('broader-than-used')) continue
    if (isVisible?.(grant, place, row.repositoryId) === false) continue
    found.push(grant)
  }
  return found
}
