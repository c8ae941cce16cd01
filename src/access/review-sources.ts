// Whole tables for reviews, page after page, so that none is ever in memory as a whole.
import type { Place, PlaceKind } from '../auth/place.ts'
import { listGrants, type GrantRow } from '../metadata/grant-rows.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import { listPrincipals, type PrincipalRow } from '../metadata/principals.ts'
import { listRepositories, type RepositoryRow } from '../metadata/repositories.ts'

const rowsAtOnce = 500

type Fetch<Row, Key> = (after: Key, limit: number) => Promise<readonly Row[]>

async function* eachRow<Row, Key>(
  first: Key,
  keyOf: (row: Row) => Key,
  fetch: Fetch<Row, Key>,
): AsyncGenerator<Row> {
  for (let after = first; ;) {
    const page = await fetch(after, rowsAtOnce)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < rowsAtOnce) return
    after = keyOf(last)
  }
}

/** In the order in which they were given; those that are over too. */
export function eachGrant(reader: Reader): AsyncGenerator<GrantRow> {
  return eachRow(
    0,
    ({ id }) => id,
    async (after, limit) => listGrants(reader, {}, { after, limit }),
  )
}

export async function* eachAdministrator(reader: Reader): AsyncGenerator<PrincipalRow> {
  const users = eachRow<PrincipalRow, string>(
    '',
    ({ name }) => name,
    async (after, limit) => listPrincipals(reader, { after, limit }),
  )
  for await (const user of users) if (user.admin) yield user
}

/** Internal and public ones. */
export function eachOpenRepository(reader: Reader): AsyncGenerator<RepositoryRow> {
  const visible = { all: false, internal: true, ownNamespace: undefined }
  return eachRow<RepositoryRow, string>(
    '',
    ({ name }) => name,
    async (after, limit) => listRepositories(reader, visible, { after, limit }),
  )
}

export function placeOf({ placeKind, place }: Pick<GrantRow, 'placeKind' | 'place'>): Place {
  return { kind: placeKind as PlaceKind, text: place }
}
