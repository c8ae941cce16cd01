// The namespaces that there are, or those in which somebody was given anything.
import type { HeldGrant } from '../auth/held-grant.ts'
import { nameTest, type NameTest } from '../auth/place.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import {
  findNamespace,
  listNamespaceNames,
  listNamespaces as listNamespaceRows,
  type NamespaceRow,
} from '../metadata/namespaces.ts'
import { namespaceOf, type Namespace } from './namespaces.ts'

export interface NamespacePage {
  /** Those in which one of these grants holds somewhere: all when left out. */
  readonly heldBy?: readonly HeldGrant[] | undefined
  /** A name; '' for the first page. */
  readonly after: string
  readonly limit: number
}

/** In byte order. */
export async function listNamespaces(
  { metadata }: { readonly metadata: Pick<MetadataStore, 'read'> },
  { heldBy, after, limit }: NamespacePage,
): Promise<readonly Namespace[]> {
  const reach = heldBy === undefined ? 'everywhere' : reachOf(heldBy)
  return metadata.read(async (tx) => {
    const rows =
      reach === 'everywhere'
        ? await listNamespaceRows(tx, { after, limit })
        : await rowsWithin(tx, reach, { after, limit })
    return rows.map(namespaceOf)
  })
}

interface Reach {
  readonly names: ReadonlySet<string>
  /** For grants whose namespace is a pattern. */
  readonly tests: readonly NameTest[]
}

function reachOf(grants: readonly HeldGrant[]): Reach | 'everywhere' {
  const names = new Set<string>()
  const tests: NameTest[] = []
  const now = Date.now()
  for (const { place, expiresAt } of grants) {
    if (expiresAt !== undefined && expiresAt <= now) continue
    if (place.kind === 'installation') return 'everywhere'
    const pattern = namespacePattern(place.text)
    if (place.kind === 'root' || pattern === undefined) continue
    if (/[*?]/.test(pattern)) tests.push(nameTest({ kind: 'glob', text: pattern }))
    else names.add(pattern)
  }
  return { names, tests }
}

/** What the first component of a name must look like; undefined where a name has no other one. */
function namespacePattern(place: string): string | undefined {
  const slash = place.indexOf('/')
  const across = place.indexOf('**')
  // What comes after "**" may be in any component.
  if (across !== -1 && (slash === -1 || across < slash)) return `${place.slice(0, across)}*`
  return slash === -1 ? undefined : place.slice(0, slash)
}

const namesAtOnce = 500

async function rowsWithin(
  reader: Reader,
  { names, tests }: Reach,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly NamespaceRow[]> {
  const found =
    tests.length === 0
      ? [...names].filter((name) => name > after).toSorted(inByteOrder)
      : await namesWithin(reader, { names, tests }, { after, limit })
  const rows: NamespaceRow[] = []
  for (const name of found) {
    if (rows.length === limit) break
    const row = await findNamespace(reader, name)
    if (row !== undefined) rows.push(row)
  }
  return rows
}

async function namesWithin(
  reader: Reader,
  { names, tests }: Reach,
  { after: from, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  const found: string[] = []
  for (let after = from; found.length < limit;) {
    const page = await listNamespaceNames(reader, { after, limit: namesAtOnce })
    found.push(...page.filter((name) => names.has(name) || tests.some((test) => test(name))))
    const last = page.at(-1)
    if (last === undefined) break
    after = last
  }
  return found
}

/** Names are ASCII. */
function inByteOrder(a: string, b: string): number {
  return a < b ? -1 : 1
}
