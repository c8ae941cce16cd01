// Part of a scanning thread: the link files of one repository. They say which revisions, layers and tags it has, since
// when, and what its tags were before. The path of a link says what it links to, but for the one that says where a tag
// points now.
import { join } from 'node:path'
import { isDigest, type Digest } from '../oci/digest.ts'
import { isTag, type Tag } from '../oci/reference.ts'
import type { Finding } from './findings.ts'
import { leftoverAt, oddAt } from './places.ts'
import { listFolder, millisOf, readSmallFile, statOf } from './tree-files.ts'

export interface Link {
  readonly digest: Digest
  readonly modifiedAt: number
  /** Under which registry:2 keeps the content; another one for a sha512 digest. */
  readonly content: Digest
}

export interface TagLinks {
  readonly tag: Tag
  /** Where it points; undefined: nowhere that could be read. */
  readonly current: { readonly digest: Digest; readonly modifiedAt: number } | undefined
  /** Every digest that it ever pointed to, with the last time; in order of time. */
  readonly history: readonly { readonly digest: Digest; readonly modifiedAt: number }[]
  /** Why there is no `current`. */
  readonly fault?: 'deleted' | 'damaged'
}

export interface FoundUpload {
  /** Below the tree. */
  readonly path: string
  readonly modifiedAt: number
}

/** What is to be looked at in one repository: names of folders. */
export interface LinkNames {
  /** `sha256:…`, as text that may be anything. */
  readonly revisions: readonly string[]
  readonly layers: readonly string[]
  readonly tags: readonly string[]
}

export interface FoundNames extends LinkNames {
  readonly uploads: readonly FoundUpload[]
  readonly findings: readonly Finding[]
}

export interface FoundLinks {
  readonly revisions: readonly Link[]
  readonly layers: readonly Link[]
  readonly tags: readonly TagLinks[]
  readonly findings: readonly Finding[]
}

const linkLength = 71
/** More than any link; to tell one that is too long. */
const mostLinkBytes = 200

const placeOf = (repository: string) => ({
  revisions: `repositories/${repository}/_manifests/revisions`,
  layers: `repositories/${repository}/_layers`,
  tags: `repositories/${repository}/_manifests/tags`,
  uploads: `repositories/${repository}/_uploads`,
})

export function lookAtNames(tree: string, repository: string): FoundNames {
  const findings: Finding[] = []
  const at: Place = { tree, findings }
  const place = placeOf(repository)
  const digestsIn = (within: string) =>
    foldersIn(at, within).flatMap((algorithm) =>
      foldersIn(at, `${within}/${algorithm}`).map((encoded) => `${algorithm}:${encoded}`),
    )
  return {
    revisions: digestsIn(place.revisions),
    layers: digestsIn(place.layers),
    tags: foldersIn(at, place.tags),
    uploads: lookAtUploads(at, place.uploads),
    findings,
  }
}

export function lookAtLinks(tree: string, repository: string, names: LinkNames): FoundLinks {
  const findings: Finding[] = []
  const at: Place = { tree, findings }
  const place = placeOf(repository)
  return {
    revisions: linksIn(at, place.revisions, names.revisions),
    layers: linksIn(at, place.layers, names.layers),
    tags: tagsIn(at, place.tags, names.tags),
    findings,
  }
}

interface Place {
  readonly tree: string
  readonly findings: Finding[]
}

function foldersIn({ tree, findings }: Place, place: string): readonly string[] {
  const { folders, files, odd } = listFolder(join(tree, place))
  for (const name of [...files, ...odd]) findings.push(oddAt(`${place}/${name}`))
  return folders
}

function linksIn(at: Place, within: string, digests: readonly string[]): readonly Link[] {
  const links: Link[] = []
  for (const digest of digests) {
    const link = lookAtLink(at, within, digest)
    if (link !== undefined) links.push(link)
  }
  return links
}

function lookAtLink(at: Place, within: string, digest: string): Link | undefined {
  const place = `${within}/${digest.replace(':', '/')}`
  if (!isDigest(digest)) {
    at.findings.push(oddAt(place, 'it is no digest that this registry knows'))
    return undefined
  }
  const path = `${at.tree}/${place}`
  const stats = statOf(`${path}/link`)
  if (stats?.isFile() !== true) {
    const isAbsent = stats === undefined
    at.findings.push(isAbsent ? leftoverAt(path, place, 'a link') : oddAt(`${place}/link`))
    return undefined
  }
  const link = { digest, modifiedAt: millisOf(stats), content: digest }
  // The data of a sha512 digest lies under the sha256 that the link names.
  if (digest.startsWith('sha512:')) {
    const content = parseLink(readSmallFile(`${path}/link`, mostLinkBytes)?.bytes)
    return content === undefined ? link : { ...link, content }
  }
  if (stats.size !== linkLength) at.findings.push(repaired(`${place}/link`, stats.size))
  return link
}

function repaired(name: string, size: number): Finding {
  const what = size === 0 ? 'is empty' : `has ${size} bytes instead of ${linkLength}`
  const message = `The link ${what}, and it is plain what it meant.`
  return { kind: 'link-repaired', name, message }
}

/** A digest, perhaps with white space around it. */
function parseLink(bytes: Buffer | undefined): Digest | undefined {
  const text = bytes?.toString('latin1').trim() ?? ''
  return isDigest(text) ? text : undefined
}

function tagsIn(at: Place, within: string, names: readonly string[]): readonly TagLinks[] {
  const tags: TagLinks[] = []
  for (const name of names) {
    if (isTag(name)) tags.push(lookAtTag(at, `${within}/${name}`, name))
    else at.findings.push(oddAt(`${within}/${name}`, 'it is no valid tag'))
  }
  return tags
}

function lookAtTag(at: Place, place: string, tag: Tag): TagLinks {
  const file = isFolder(at, `${place}/current`)
    ? readSmallFile(`${at.tree}/${place}/current/link`, mostLinkBytes)
    : undefined
  const target = parseLink(file?.bytes)
  const current = file && target && { digest: target, modifiedAt: file.modifiedAt }
  if (current !== undefined && file?.bytes.length !== linkLength) {
    at.findings.push(repaired(`${place}/current/link`, file?.bytes.length ?? 0))
  }
  const hasIndex = isFolder(at, `${place}/index`)
  const history = hasIndex ? lookAtHistory(at, `${place}/index`, current) : []
  if (current !== undefined) return { tag, current, history }
  return { tag, current, history, fault: file === undefined ? 'deleted' : 'damaged' }
}

function isFolder(at: Place, place: string): boolean {
  const stats = statOf(`${at.tree}/${place}`)
  if (stats === undefined || stats.isDirectory()) return stats !== undefined
  at.findings.push(oddAt(place))
  return false
}

function lookAtHistory(
  at: Place,
  place: string,
  current: TagLinks['current'],
): TagLinks['history'] {
  const moments: TagLinks['history'][number][] = []
  for (const algorithm of foldersIn(at, place)) {
    for (const encoded of foldersIn(at, `${place}/${algorithm}`)) {
      const digest = `${algorithm}:${encoded}`
      if (!isDigest(digest)) continue
      const isCurrent = digest === current?.digest
      const stats = statOf(`${at.tree}/${place}/${algorithm}/${encoded}/link`)
      if (stats?.isFile() === true) moments.push({ digest, modifiedAt: millisOf(stats) })
      else if (isCurrent && current !== undefined) moments.push(current)
    }
  }
  return moments.sort((a, b) => a.modifiedAt - b.modifiedAt || (a.digest < b.digest ? -1 : 1))
}

function lookAtUploads(at: Place, place: string): readonly FoundUpload[] {
  const uploads: FoundUpload[] = []
  for (const name of foldersIn(at, place)) {
    const path = `${place}/${name}`
    const stats = statOf(`${at.tree}/${path}`)
    const data = statOf(`${at.tree}/${path}/data`)
    if (stats === undefined) continue
    at.findings.push({
      kind: 'upload',
      name: path,
      bytes: data?.isFile() === true ? data.size : 0,
      message: 'It was never finished; its client begins anew.',
    })
    const modifiedAt = Math.max(millisOf(stats), data === undefined ? 0 : millisOf(data))
    uploads.push({ path, modifiedAt })
  }
  return uploads
}
