// A second factor of one of the people of the tests.
import { createSetupKey } from '../../auth/setup-link.ts'
import { sealTotpSecret } from '../../auth/totp-seal.ts'
import { makeTotpSecret, totpCode, totpStep } from '../../auth/totp.ts'
import { replaceRecoveryCodes } from '../../metadata/recovery-codes.ts'
import { setTotp, useTotpStep } from '../../metadata/totp.ts'
import { totpKey, type TestApp } from './app.ts'

export interface TestSecondFactor {
  /** The code that the app shows now, or so many steps of 30 seconds later. */
  code(later?: number): string
  readonly recoveryCodes: readonly string[]
}

/** On from now on, and confirmed long ago. */
export async function addSecondFactor(
  { metadata, authenticator }: Pick<TestApp, 'metadata' | 'authenticator'>,
  principalId: number,
): Promise<TestSecondFactor> {
  const secret = makeTotpSecret()
  const codes = [createSetupKey(), createSetupKey()]
  await metadata.write(async (tx) => {
    await setTotp(tx, principalId, sealTotpSecret(totpKey, principalId, secret))
    await useTotpStep(tx, principalId, totpStep(Date.now()) - 1000)
    const hashes = codes.map(({ hash }) => hash)
    await replaceRecoveryCodes(tx, principalId, hashes)
  })
  authenticator.forgetPrincipal(principalId)
  return {
    code: (later = 0) => totpCode(secret, totpStep(Date.now()) + later),
    recoveryCodes: codes.map(({ key }) => key),
  }
}
