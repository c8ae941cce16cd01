// The first administrator. There is no default password: it comes from a file, is generated for a terminal and shown
// once, or is set by whoever holds the one-time link.
import { readFile } from 'node:fs/promises'
import { generatePassword } from '../auth/generated-password.ts'
import type { PasswordPool } from '../auth/password-pool.ts'
import { createSetupKey, hashSetupKey } from '../auth/setup-link.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import {
  findPrincipalByName,
  insertPrincipal,
  setPasswordHash,
} from '../metadata/principals.ts'
import { ensureSetting, findSetting, insertSetupLink, useSetupLink } from '../metadata/settings.ts'

export const firstAdministrator = 'admin'
const linkLifetimeMs = 60 * 60 * 1000
/** Set once the administrator has a password of somebody's choice. */
const doneSetting = 'first-administrator-set-up'

export interface FirstAdministratorDeps {
  readonly metadata: MetadataStore
  readonly passwords: Pick<PasswordPool, 'hash'>
}

export interface SetupState {
  /** While nobody has chosen the administrator's password yet. */
  readonly link?: { readonly key: string; readonly expiresAt: Date }
  /** Made just now; it is stored nowhere in clear. */
  readonly generatedPassword?: string
}

/**
 * Sees to it that somebody can sign in.
 *
 * @throws {Error} when the password file cannot be read or its password is too short
 */
export async function ensureFirstAdministrator(
  deps: FirstAdministratorDeps,
  options: { readonly passwordFile: string | undefined; readonly mayGenerate: boolean },
): Promise<SetupState> {
  const { metadata, passwords } = deps
  if ((await findSetting(metadata, doneSetting)) !== undefined) return {}
  if (options.passwordFile !== undefined) {
    const hash = await passwords.hash(await readPasswordFile(options.passwordFile))
    await metadata.write(async (tx) => {
      await insertPrincipal(tx, newAdministrator(undefined))
      const admin = await findPrincipalByName(tx, firstAdministrator)
      if (admin !== undefined) await setPasswordHash(tx, admin.id, hash)
      await ensureSetting(tx, doneSetting, 'by file')
    })
    return {}
  }
  const generatedPassword = options.mayGenerate ? generatePassword() : undefined
  const hash = generatedPassword === undefined ? undefined : await passwords.hash(generatedPassword)
  const isNew = await metadata.write(async (tx) => insertPrincipal(tx, newAdministrator(hash)))
  const link = await createSetupLink(metadata)
  return { link, ...(isNew && generatedPassword !== undefined && { generatedPassword }) }
}

/** A new one-time link by which the administrator's password is set. */
export async function createSetupLink(
  metadata: MetadataStore,
): Promise<{ readonly key: string; readonly expiresAt: Date }> {
  const { key, hash } = createSetupKey()
  const expiresAt = new Date(Date.now() + linkLifetimeMs)
  await metadata.write(async (tx) => {
    await insertPrincipal(tx, newAdministrator(undefined))
    const admin = await findPrincipalByName(tx, firstAdministrator)
    if (admin === undefined) throw new Error('the first administrator vanished while it was made')
    await insertSetupLink(tx, {
      keyHash: hash,
      principalId: admin.id,
      expiresAt: expiresAt.getTime(),
    })
  })
  return { key, expiresAt }
}

/** Uses a link up and sets the password; false when the link is unknown, used or expired. */
export async function completeSetup(
  deps: FirstAdministratorDeps,
  { key, password }: { readonly key: string; readonly password: string },
): Promise<boolean> {
  const keyHash = hashSetupKey(key)
  if (keyHash === undefined) return false
  const hash = await deps.passwords.hash(password)
  return deps.metadata.write(async (tx) => {
    const principalId = await useSetupLink(tx, keyHash)
    if (principalId === undefined) return false
    await setPasswordHash(tx, principalId, hash)
    await ensureSetting(tx, doneSetting, 'by link')
    return true
  })
}

/** Whoever sets the administrator's password by other means has set it up. */
export async function markSetUp(metadata: MetadataStore): Promise<void> {
  await metadata.write(async (tx) => ensureSetting(tx, doneSetting, 'by command'))
}

function newAdministrator(passwordHash: string | undefined) {
  return { name: firstAdministrator, provider: 'local', admin: true, passwordHash } as const
}

async function readPasswordFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Error(
      `The administrator's password file ${path} (CARREL_ADMIN_PASSWORD_FILE) cannot be read. Make it readable for Carrel.`,
      { cause },
    )
  })
  const password = text.replace(/\r?\n$/, '')
  if (password.length >= 12) return password
  throw new Error(
    `The password in ${path} (CARREL_ADMIN_PASSWORD_FILE) has fewer than 12 characters. Put a longer one there.`,
  )
}
