// /api/v1/account/totp: one's own second factor.
import { Refusal } from '../../../access/refusal.ts'
import { confirmTotp, startTotp, stopTotp, type TotpDeps } from '../../../access/totp-account.ts'
import type { Identity } from '../../../auth/identity.ts'
import type { OperationOf } from '../../../contract/operations.ts'
import { ownAccount, type ApiCall, type ApiDeps, type Handlers } from '../handler.ts'
import { hidden, ProblemError } from '../problem-error.ts'

export const totpHandlers: Handlers<OperationOf<'totp'>> = {
  'totp.start': {
    needs: ownAccount,
    run: async ({ deps, identity }) => {
      const issuer = deps.audience === undefined ? 'Carrel' : new URL(deps.audience()).host
      return startTotp(totpDeps(deps), { principalId: personOf(identity).id, issuer })
    },
  },
  'totp.confirm': {
    needs: ownAccount,
    async run(call) {
      const { deps, actor, identity, input } = call
      const { id } = personOf(identity)
      const codes = await limited(call, async () =>
        confirmTotp(totpDeps(deps), actor, { principalId: id, code: input.code }),
      )
      deps.forgetPrincipal(id)
      return codes
    },
  },
  'totp.stop': {
    needs: ownAccount,
    async run(call) {
      const { deps, actor, identity, input } = call
      const { id } = personOf(identity)
      await limited(call, async () =>
        stopTotp(totpDeps(deps), actor, { principalId: id, code: input.code }),
      )
      deps.forgetPrincipal(id)
    },
  },
}

function totpDeps({ metadata, totpKey }: ApiDeps): TotpDeps {
  if (totpKey !== undefined) return { metadata, totpKey }
  throw new ProblemError('not-served', 'There are no second factors here.')
}

function personOf(identity: Identity): { readonly id: number; readonly name: string } {
  if (identity.kind !== 'principal') throw hidden()
  return identity
}

/** Six digits are few: a wrong code counts as a wrong password does. @throws {OciError} TOOMANYREQUESTS */
async function limited<T>(
  { deps: { gate }, identity, actor }: ApiCall<'totp.confirm' | 'totp.stop'>,
  work: () => Promise<T>,
): Promise<T> {
  const { id, name } = personOf(identity)
  const attempt = await gate?.enter(name, { address: actor.address ?? '' }, undefined)
  try {
    const done = await work()
    await attempt?.ended({ id, name })
    return done
  } catch (error) {
    await (error instanceof Refusal ? attempt?.ended(undefined) : attempt?.withdrawn())
    throw error
  }
}
