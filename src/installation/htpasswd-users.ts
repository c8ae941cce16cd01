// The users of an htpasswd file are principals from the start on, and not from their first login: so that they can be
// given rights before.
import { readFile } from 'node:fs/promises'
import { parseHtpasswd } from '../auth/htpasswd.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import { createPrincipalDirectory, type DirectoryOptions } from './principal-directory.ts'

/** Those whose names are taken already stay what they are. That a file cannot be read is told by whoever opens it. */
export async function introduceHtpasswdUsers(
  metadata: MetadataStore,
  file: string,
  options: DirectoryOptions = {},
): Promise<void> {
  const { hashes } = parseHtpasswd(await readFile(file, 'utf8').catch(() => ''))
  const directory = createPrincipalDirectory(metadata, options)
  for (const name of hashes.keys()) {
    if ((await findPrincipalByName(metadata, name)) === undefined) {
      await directory.ensureHtpasswdUser(name)
    }
  }
}
