// What an htpasswd file of registry:2 gave: whoever is in it may do everything with every image. Here that is a grant that
// can be seen and taken away. It is given once, when the user is first met, so that it stays away.
import { giveFirstGrants } from '../access/first-grants.ts'
import { parsePlace } from '../auth/place.ts'
import type { Transaction } from '../metadata/metadata-store.ts'

const itself = { id: undefined, name: 'carrel' }
const reason = 'users of the htpasswd file could do everything with registry:2'

/** Every action but administration, which registry:2 did not have. */
export async function giveRegistry2Rights(
  tx: Transaction,
  user: { readonly id: number; readonly name: string },
): Promise<void> {
  const subject = {
    kind: 'principal',
    id: user.id,
    name: user.name,
    principalKind: 'user',
  } as const
  await giveFirstGrants(tx, itself, { subject, reason }, [
    { place: parsePlace('*'), actions: ['pull', 'push', 'overwrite', 'delete'] },
  ])
}
