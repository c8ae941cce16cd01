// Whoever changes their own password says the present one: a browser that was left open, or a token, is not enough.
import type { PrincipalIdentity } from '../../auth/identity.ts'
import { findPrincipalById } from '../../metadata/principals.ts'
import type { ApiDeps } from './handler.ts'
import { invalidInput, ProblemError } from './problem-error.ts'

/** @throws {ProblemError} invalid-input naming the field; {OciError} TOOMANYREQUESTS */
export async function checkOwnPassword(
  { metadata, passwords, gate }: ApiDeps,
  { id, name }: PrincipalIdentity,
  {
    path,
    password,
    address,
  }: {
    readonly path: string
    readonly password: string | undefined
    readonly address: string
  },
): Promise<void> {
  if (password === undefined) {
    throw invalidInput([{ path, message: 'Your present password is needed too.' }])
  }
  const row = await findPrincipalById(metadata, id)
  if (row?.provider !== 'local' || row.passwordHash === undefined) {
    throw new ProblemError('invalid', `The password of ${name} is not kept here.`)
  }
  const attempt = await gate?.enter(name, { address }, undefined)
  const isRight = await passwords.verify(password, row.passwordHash)
  await attempt?.ended(isRight ? { id, name } : undefined)
  if (!isRight) throw invalidInput([{ path, message: 'This is not your present password.' }])
}
