// Who can do what to one repository, and by what.
import { actions as allActions, sortActions, type GrantedAction } from '../auth/action.ts'
import { isExpired } from '../auth/held-grant.ts'
import { nameTest } from '../auth/place.ts'
import type { GrantRow } from '../metadata/grant-rows.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import { findRepository, type RepositoryRow } from '../metadata/repositories.ts'
import { isRepositoryName, type RepositoryName } from '../oci/reference.ts'
import { grantOf, type Grant } from './grant-view.ts'
import { Refusal } from './refusal.ts'
import { eachAdministrator, eachGrant, placeOf } from './review-sources.ts'

export interface RepositoryAccess {
  readonly repository: string
  readonly exists: boolean
  /** Whoever comes first was given something first; those without a grant come last. */
  readonly holders: readonly RepositoryHolder[]
}

export interface RepositoryHolder {
  /** As in `user:ann`, `team:web`, `signed-in`. */
  readonly who: string
  /** All that its ways give together; an administrator may do everything. */
  readonly actions: readonly GrantedAction[]
  /** It can do nothing at present. */
  readonly disabled: boolean
  readonly ways: readonly (
    | { readonly kind: 'grant'; readonly grant: Grant }
    | { readonly kind: 'administrator' }
    | { readonly kind: 'visibility'; readonly visibility: 'internal' | 'public' }
  )[]
}

/** @throws {Refusal} invalid */
export async function whoCan(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  name: string,
): Promise<RepositoryAccess> {
  if (!isRepositoryName(name)) {
    const shown = JSON.stringify(name.slice(0, 100))
    throw new Refusal('invalid', `${shown} cannot be the name of a repository`)
  }
  return metadata.read(async (tx) => {
    const repository = await findRepository(tx, name)
    const holders = new Map<string, RepositoryHolder>()
    await addGrants(tx, holders, { name, id: repository?.id })
    if (repository !== undefined) addVisibility(holders, repository)
    for await (const { name: user, disabled } of eachAdministrator(tx)) {
      const way = { kind: 'administrator' } as const
      add(holders, `user:${user}`, { actions: allActions, disabled, way })
    }
    return { repository: name, exists: repository !== undefined, holders: [...holders.values()] }
  })
}

async function addGrants(
  reader: Reader,
  holders: Map<string, RepositoryHolder>,
  { name, id }: { readonly name: RepositoryName; readonly id: number | undefined },
): Promise<void> {
  const now = Date.now()
  for await (const row of eachGrant(reader)) {
    if (isExpired(row, now) || !isFor(row, name, id)) continue
    const grant = grantOf(row, now)
    const disabled = grant.flags.includes('disabled-holder')
    add(holders, grant.who, { actions: grant.actions, disabled, way: { kind: 'grant', grant } })
  }
}

function isFor(row: GrantRow, name: RepositoryName, id: number | undefined): boolean {
  // A repository made again under an old name is another one.
  if (row.repositoryId !== undefined && row.repositoryId !== id) return false
  return nameTest(placeOf(row))(name)
}

function addVisibility(
  holders: Map<string, RepositoryHolder>,
  { visibility }: RepositoryRow,
): void {
  if (visibility === 'private') return
  const who = visibility === 'public' ? 'anonymous' : 'signed-in'
  const way = { kind: 'visibility', visibility } as const
  add(holders, who, { actions: ['pull'], disabled: false, way })
}

function add(
  holders: Map<string, RepositoryHolder>,
  who: string,
  {
    actions,
    disabled,
    way,
  }: Pick<RepositoryHolder, 'actions' | 'disabled'> & {
    readonly way: RepositoryHolder['ways'][number]
  },
): void {
  const before = holders.get(who)
  holders.set(who, {
    who,
    actions: sortActions([...(before?.actions ?? []), ...actions]),
    disabled,
    ways: [...(before?.ways ?? []), way],
  })
}
