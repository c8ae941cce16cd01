// Layers that need not be in the repository. Whether one was pushed all the same cannot be seen from the manifest, and
// it must not be guessed: a digest alone opens nothing. So the journal says it.
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import { parseManifest, type ParsedManifest } from '../oci/manifest.ts'
import { contentsOfDeleted } from '../metadata/deleted-manifests.ts'
import {
  blobsUsedBy,
  type JournalDeletedManifest,
  type JournalManifest,
} from '../metadata/journal-reading.ts'
import type { Reader } from '../metadata/metadata-store.ts'

/** What the manifest says; undefined when it cannot be understood. */
export function readingOf(mediaType: string, content: Uint8Array): ParsedManifest | undefined {
  try {
    return parseManifest(mediaType, content)
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}

/** The foreign layers of the manifest that its repository has. */
export async function foreignLayersKept(
  reader: Reader,
  row: JournalManifest,
): Promise<readonly string[]> {
  return foreignAmong(row, async () => blobsUsedBy(reader, row.repositoryId, row.digest as Digest))
}

/** Those that the recycle bin keeps for it. */
export async function foreignLayersInBin(
  reader: Reader,
  row: JournalDeletedManifest,
): Promise<readonly string[]> {
  return foreignAmong(row, async () => contentsOfDeleted(reader, row.id))
}

async function foreignAmong(
  { mediaType, content }: JournalManifest,
  kept: () => Promise<readonly Digest[]>,
): Promise<readonly string[]> {
  if (!maySayForeign(content)) return []
  const foreign = foreignLayersOf(readingOf(mediaType, content))
  if (foreign.size === 0) return []
  return (await kept()).filter((each) => foreign.has(each))
}

/** Nearly no manifest does, and it need not be parsed then. */
function maySayForeign(content: Uint8Array): boolean {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  return ['foreign', 'nondistributable', '\\u'].some((word) => text.includes(word))
}

function foreignLayersOf(parsed: ParsedManifest | undefined): ReadonlySet<string> {
  const found = new Set<string>()
  for (const layer of parsed?.layers ?? []) if (layer.foreign) found.add(layer.digest)
  return found
}
