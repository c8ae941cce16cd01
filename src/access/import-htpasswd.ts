// Takes the users of an htpasswd file over, once: they are local users afterwards, and the file is no longer needed.
import { parseHtpasswd } from '../auth/htpasswd.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { Actor } from './actor.ts'
import {
  addPlannedUsers,
  planUsers,
  type ForeignUser,
  type ImportedUser,
} from './import-htpasswd-users.ts'
import { Refusal } from './refusal.ts'

export interface HtpasswdImport {
  /** In the order of the file. */
  readonly users: readonly ImportedUser[]
  /** False after a dry run. */
  readonly imported: boolean
}

/** All that can be added are added in one transaction. @throws {Refusal} invalid when a line is not user:hash */
export async function importHtpasswd(
  { metadata }: { readonly metadata: MetadataStore },
  actor: Actor,
  text: string,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<HtpasswdImport> {
  const users = readUsers(text)
  if (dryRun) {
    const planned = await metadata.read(async (tx) => planUsers(tx, users))
    const told = planned.map(({ name, outcome, reason }) => ({ name, outcome, reason }))
    return { users: told, imported: false }
  }
  const added = await metadata.write(async (tx) =>
    addPlannedUsers(tx, actor, await planUsers(tx, users), 'htpasswd'),
  )
  return { users: added, imported: true }
}

function readUsers(text: string): readonly ForeignUser[] {
  try {
    parseHtpasswd(text)
  } catch (cause) {
    throw new Refusal('invalid', 'this is no htpasswd file', {
      why: (cause as Error).message,
      fix: 'make one with: htpasswd -Bbn USER PASSWORD',
      cause,
    })
  }
  // The parser has found every line to be in order, and tells no hash that it does not accept.
  const hashes = new Map<string, string>()
  for (const raw of text.replace(/^\uFEFF/, '').split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    hashes.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return [...hashes].map(([name, hash]) => ({ name, hash }))
}
