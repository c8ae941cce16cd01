// The principals of the database as authentication wants to see them.
import type { PrincipalDirectory } from '../auth/principal.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findPrincipalById, findPrincipalByName, insertPrincipal } from '../metadata/principals.ts'

export function createPrincipalDirectory(metadata: MetadataStore): PrincipalDirectory {
  return {
    findByName: async (name) => findPrincipalByName(metadata, name),
    findById: async (id) => findPrincipalById(metadata, id),
    async ensureHtpasswdUser(name) {
      const principal = await metadata.write(async (tx) => {
        await insertPrincipal(tx, {
          name,
          provider: 'htpasswd',
          admin: false,
          passwordHash: undefined,
        })
        return findPrincipalByName(tx, name)
      })
      if (principal === undefined) throw new Error(`the user ${name} vanished while it was made`)
      return principal
    },
  }
}
