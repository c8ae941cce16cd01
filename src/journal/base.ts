// All that there is, as lines, page by page. The pages are not of one moment: whatever changes meanwhile is in the
// queue, and its line comes in a later segment and counts.
import type { Digest } from '../oci/digest.ts'
import {
  pageOfDeletedManifests,
  pageOfManifests,
  pageOfRepositories,
  pageOfSmallBlobs,
  readManifest,
} from '../metadata/journal-reading.ts'
import { pageOfPrincipals, pageOfTagChanges, pageOfTags } from '../metadata/journal-reading-tags.ts'
import type { Reader } from '../metadata/metadata-store.ts'
import type { Line } from './lines.ts'
import {
  blobLine,
  changeLine,
  manifestLine,
  principalLine,
  repositoryLine,
  tagLine,
} from './row-lines.ts'

/** A manifest may have 4 MiB: this many are in memory at once. */
const manifestsAtOnce = 16
const blobsAtOnce = 100
const rowsAtOnce = 500

export async function* baseLines(reader: Reader): AsyncGenerator<readonly Line[]> {
  for await (const rows of byId(pageOfPrincipals)) yield rows.map(principalLine)
  for await (const rows of byId(pageOfRepositories)) {
    yield rows.map(repositoryLine)
    for (const { id } of rows) yield* linesOfRepository(reader, id)
  }
  for await (const rows of byId(pageOfDeletedManifests, manifestsAtOnce)) {
    const lines: Line[] = []
    for (const bin of rows) {
      // One that was pushed again is in both places, and one line tells of it.
      const here = await readManifest(reader, bin.repositoryId, bin.digest as Digest)
      lines.push(...definedLine(await manifestLine(reader, here, bin)))
    }
    yield lines
  }
  for (let after = ''; ;) {
    const rows = await pageOfSmallBlobs(reader, { after, limit: blobsAtOnce })
    yield rows.map(blobLine)
    if (rows.length < blobsAtOnce) break
    after = rows.at(-1)?.digest ?? ''
  }
  for await (const rows of byId(pageOfTagChanges)) yield rows.map(changeLine)

  async function* byId<Row extends { readonly id: number }>(
    page: (
      from: Reader,
      place: { readonly after: number; readonly limit: number },
    ) => Promise<readonly Row[]>,
    limit: number = rowsAtOnce,
  ): AsyncGenerator<readonly Row[]> {
    for (let after = 0; ;) {
      const rows = await page(reader, { after, limit })
      yield rows
      if (rows.length < limit) return
      after = rows.at(-1)?.id ?? after
    }
  }
}

async function* linesOfRepository(
  reader: Reader,
  repositoryId: number,
): AsyncGenerator<readonly Line[]> {
  for (let after = ''; ;) {
    const rows = await pageOfManifests(reader, { repositoryId, after, limit: manifestsAtOnce })
    const lines: Line[] = []
    for (const here of rows) {
      lines.push(...definedLine(await manifestLine(reader, here, undefined)))
    }
    yield lines
    if (rows.length < manifestsAtOnce) break
    after = rows.at(-1)?.digest ?? ''
  }
  for (let after = ''; ;) {
    const rows = await pageOfTags(reader, { repositoryId, after, limit: rowsAtOnce })
    yield rows.map(tagLine)
    if (rows.length < rowsAtOnce) return
    after = rows.at(-1)?.tag ?? ''
  }
}

function definedLine<T>(line: T | undefined): readonly T[] {
  return line === undefined ? [] : [line]
}
