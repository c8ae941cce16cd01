// Names of repositories and what is asked of them: distribution-spec v1.1 spec.md#pulling-manifests.
// Values exist only when valid. Called on every request, so checks are single linear regular
// expressions behind a length limit; why something is wrong is worked out only when it is.

import type { Digest } from './digest.ts'
import { parseDigest } from './digest.ts'
import { OciError } from './errors.ts'
import { quoted } from './quoted.ts'

declare const repositoryNameBrand: unique symbol
declare const tagBrand: unique symbol

/** `team/app`: lower-case components with slashes between them, at most 200 characters. */
export type RepositoryName = string & { readonly [repositoryNameBrand]: 'RepositoryName' }

export type Tag = string & { readonly [tagBrand]: 'Tag' }

export type Reference =
  | { readonly kind: 'tag'; readonly tag: Tag }
  | { readonly kind: 'digest'; readonly digest: Digest }

/** @throws {OciError} NAME_INVALID */
export function parseRepositoryName(text: string): RepositoryName {
  if (isRepositoryName(text)) return text
  throw new OciError('NAME_INVALID', { message: explainName(text), detail: { name: cut(text) } })
}

export function isRepositoryName(text: string): text is RepositoryName {
  return text.length <= maxNameLength && namePattern.test(text)
}

/** @throws {OciError} TAG_INVALID */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text
  throw new OciError('TAG_INVALID', {
    message:
      `${quoted(text)} is not a valid tag. A tag has 1 to 128 letters, digits, dots, hyphens and ` +
      'underscores, and begins with a letter, a digit or an underscore.',
    detail: { tag: cut(text) },
  })
}

export function isTag(text: string): text is Tag {
  return tagPattern.test(text)
}

/**
 * A digest when it has a colon, which no tag can have; otherwise a tag.
 *
 * @throws {OciError} DIGEST_INVALID, TAG_INVALID
 */
export function parseReference(text: string): Reference {
  if (text.includes(':')) return { kind: 'digest', digest: parseDigest(text) }
  return { kind: 'tag', tag: parseTag(text) }
}

/** The first component of a name with several; `undefined` is the root namespace. */
export function namespaceOf(name: RepositoryName): string | undefined {
  const slash = name.indexOf('/')
  return slash === -1 ? undefined : name.slice(0, slash)
}

// Clients limit host + "/" + name to 255 characters: this leaves 54 for the host.
const maxNameLength = 200

// The grammar of the spec. Each separator is made of characters that no word has, so there is one
// way only to read a name and the match is linear.
const namePattern =
  /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

function explainName(text: string): string {
  if (text === '') return 'The repository name is empty. A name looks like team/app.'
  if (text.length > maxNameLength) {
    return (
      `The repository name has ${text.length} characters; the limit is ${maxNameLength}. ` +
      'Choose a shorter one.'
    )
  }
  if (isRepositoryName(text.toLowerCase())) {
    return `The repository name ${quoted(text)} has upper-case letters. Write it in lower case.`
  }
  return (
    `${quoted(text)} is not a valid repository name. Each part between slashes is made of ` +
    'lower-case letters and digits, with single dots, one or two underscores, or hyphens ' +
    'between them, such as team/my-app.'
  )
}

function cut(text: string): string {
  return text.slice(0, 300)
}
