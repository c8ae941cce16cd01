// Part of a scanning thread: manifests, each read once, hashed, and understood or not.
import { digestOf, algorithmOf, isDigest, type Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest, type ParsedManifest } from '../oci/manifest.ts'
import type { FindingKind } from './findings.ts'
import type { Link } from './look-links.ts'
import { fileOfBlob } from './places.ts'
import { isUnreadable, readKnownFile, readSmallFile } from './tree-files.ts'

export interface WantedManifest {
  readonly link: Link
  /** Undefined: there is no such file. */
  readonly size: number | undefined
}

export type FoundManifest =
  | {
      readonly kind: 'whole'
      readonly link: Link
      readonly content: Uint8Array
      readonly parsed: ParsedManifest
    }
  | {
      readonly kind: 'faulty'
      readonly link: Link
      readonly fault: FindingKind & `manifest-${string}`
      readonly message: string
      /** Digests in a manifest that is whole and not stored here: what it may need. */
      readonly mentions: readonly Digest[]
    }

/** What registry:2 takes, and this registry too. */
export const mostManifestBytes = 4 * 1024 * 1024

export function lookAtManifests(
  tree: string,
  wanted: readonly WantedManifest[],
): readonly FoundManifest[] {
  return wanted.map((each) => lookAtManifest(tree, each))
}

function lookAtManifest(tree: string, { link, size }: WantedManifest): FoundManifest {
  const faulty = (
    fault: FindingKind & `manifest-${string}`,
    message: string,
    mentions: readonly Digest[] = [],
  ): FoundManifest => ({ kind: 'faulty', link, fault, message, mentions })
  const { digest } = link
  if (size === undefined) return faulty('manifest-lost', 'The bytes of this manifest are gone.')
  if (size > mostManifestBytes) {
    return faulty('manifest-skipped', `It has ${size} bytes, too many for a manifest.`)
  }
  const content = contentOf(fileOfBlob(tree, link.content), size)
  if (content === undefined) {
    return faulty('manifest-damaged', 'The disk does not give the bytes of this manifest.')
  }
  if (digestOf(content, algorithmOf(digest)) !== digest) {
    const what = content.length === 0 ? 'is empty' : 'has other bytes than its digest says'
    return faulty('manifest-damaged', `This manifest ${what}.`)
  }
  try {
    // Media types are not stored: what the manifest says of itself counts, or else its shape.
    return { kind: 'whole', link, content, parsed: parseManifest('application/json', content) }
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    return faulty('manifest-skipped', error.message, mentionsIn(content))
  }
}

function contentOf(path: string, size: number): Buffer | undefined {
  try {
    return readKnownFile(path, size)
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
}

const mostMentions = 10_000

function mentionsIn(content: Buffer): readonly Digest[] {
  const found = new Set<Digest>()
  for (const [text] of content.toString('latin1').matchAll(/sha256:[0-9a-f]{64}/g)) {
    if (isDigest(text)) found.add(text)
    if (found.size === mostMentions) break
  }
  return [...found]
}

/** Larger ones are taken for what they seem to be. */
export const mostSniffedBytes = 256 * 1024

/** Which of these blobs are manifests. */
export function sniffManifests(tree: string, links: readonly Link[]): readonly Link[] {
  return links.filter(({ content }) => {
    const bytes = readSmallFile(fileOfBlob(tree, content), mostSniffedBytes)?.bytes
    return bytes !== undefined && isManifest(bytes)
  })
}

const openingBrace = 0x7b

function isManifest(bytes: Buffer): boolean {
  if (bytes[0] !== openingBrace || !bytes.includes('"schemaVersion"')) return false
  try {
    parseManifest('application/json', bytes)
    return true
  } catch (error) {
    if (error instanceof OciError) return false
    throw error
  }
}
