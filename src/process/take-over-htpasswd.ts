// The htpasswd file that registry:2's configuration names: made when it is missing, and its users given what they had.
import type { Config } from '../config/config.ts'
import { firstAdministrator } from '../installation/first-administrator.ts'
import { provideHtpasswdFile } from '../installation/htpasswd-file.ts'
import { introduceHtpasswdUsers } from '../installation/htpasswd-users.ts'
import { giveRegistry2Rights } from '../installation/registry2-rights.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { findPrincipalByName } from '../metadata/principals.ts'

/**
 * Returns whether the name of the first administrator is one of the file's: then that user must go on to get in, and no
 * administrator of that name is made, unless there is a password for one.
 */
export async function takeOverHtpasswd(
  { htpasswdFile, registry2, adminPasswordFile }: Config,
  metadata: MetadataStore,
  warn: (message: string) => void,
): Promise<boolean> {
  if (htpasswdFile === undefined || registry2?.htpasswdAsRegistry2 !== true) return false
  await provideHtpasswdFile(htpasswdFile, warn)
  await introduceHtpasswdUsers(metadata, htpasswdFile, { htpasswdUserMade: giveRegistry2Rights })
  const namesake = await findPrincipalByName(metadata, firstAdministrator)
  return namesake?.provider === 'htpasswd' && adminPasswordFile === undefined
}
