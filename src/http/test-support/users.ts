// The people of the tests.
import { hashSync } from 'bcryptjs'
import { makeOwnNamespace } from '../../access/namespaces.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findPrincipalByName, insertPrincipal } from '../../metadata/principals.ts'
import { query } from '../../metadata/query.ts'

export type UserName = 'admin' | 'alice' | 'bob' | 'carol'

export interface TestUser {
  readonly password: string
  readonly admin: boolean
  readonly disabled: boolean
}

export const users: Readonly<Record<UserName, TestUser>> = {
  admin: { password: 'the password of admin', admin: true, disabled: false },
  alice: { password: 'the password of alice', admin: false, disabled: false },
  bob: { password: 'the password of bob', admin: false, disabled: false },
  carol: { password: 'the password of carol', admin: false, disabled: true },
}

const disable = query<{ id: number; at: number }>()((db, p) =>
  db.updateTable('principals').set({ disabled_at: p.at }).where('id', '=', p.id),
)

/** Returns their ids. The hashes are cheap ones, of the kind that htpasswd files have. */
export async function makeUsers(metadata: MetadataStore): Promise<Record<UserName, number>> {
  return metadata.write(async (tx) => {
    const ids: Partial<Record<UserName, number>> = {}
    for (const [name, user] of Object.entries(users)) {
      const passwordHash = hashSync(user.password, 4)
      await insertPrincipal(tx, { name, provider: 'local', admin: user.admin, passwordHash })
      const made = await findPrincipalByName(tx, name)
      if (made === undefined) throw new Error(`the user ${name} was not made`)
      await makeOwnNamespace(tx, made)
      if (user.disabled) await tx.run(disable, { id: made.id, at: Date.now() })
      ids[name as UserName] = made.id
    }
    return ids as Record<UserName, number>
  })
}

/** Takes an account out of use. */
export async function disableUser(metadata: MetadataStore, id: number): Promise<void> {
  await metadata.write(async (tx) => tx.run(disable, { id, at: Date.now() }))
}
