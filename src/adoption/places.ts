// Where things lie in a volume, and what is said of what lies there and should not.
import { join } from 'node:path'
import { encodedOf, type Digest } from '../oci/digest.ts'
import type { Finding } from './findings.ts'
import { listFolder } from './tree-files.ts'

/** Below the root of the volume, which is `rootdirectory` of registry:2. What is in it is called the tree. */
export const treeFolder = join('docker', 'registry', 'v2')

/** registry:2 keeps all content under its sha256. */
export function fileOfBlob(tree: string, digest: Digest): string {
  const encoded = encodedOf(digest)
  return join(tree, 'blobs', 'sha256', encoded.slice(0, 2), encoded, 'data')
}

export function oddAt(name: string, why = 'registry:2 writes nothing of this kind'): Finding {
  return { kind: 'odd', name, message: `Left alone: ${why}.` }
}

/** A folder without the file that it is for. */
export function leftoverAt(path: string, name: string, lacks: string): Finding {
  const { files, odd } = listFolder(path)
  if (odd.length > 0) return oddAt(`${name}/${odd[0] ?? ''}`)
  const [temporary] = files.filter((file) => file.endsWith('.tmp'))
  const what =
    temporary === undefined
      ? `a folder without ${lacks}, left by a delete`
      : `a write that was cut short (${temporary})`
  return { kind: 'leftover', name, message: `Left alone: ${what}.` }
}
