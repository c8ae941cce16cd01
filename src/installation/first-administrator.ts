// The first administrator. There is no default password: it comes from a file, is generated for a terminal and shown
// once, or is set by whoever holds the one-time link.
import { readFile } from 'node:fs/promises'
import { generatePassword } from '../auth/generated-password.ts'
import type { PasswordPool } from '../auth/password-pool.ts'
import { createSetupKey, hashSetupKey } from '../auth/setup-link.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import {
  findPrincipalByName,
  insertPrincipal,
  restoreAdministrator,
  setPasswordHash,
  type PrincipalRow,
} from '../metadata/principals.ts'
import {
  deleteSetupLinks,
  ensureSetting,
  findSetting,
  insertSetupLink,
  isGoodSetupLink,
  useSetupLink,
} from '../metadata/settings.ts'
import { weaknessOf } from './password-policy.ts'

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
  readonly link?: SetupLink
  /** Made just now; it is stored nowhere in clear. */
  readonly generatedPassword?: string
}

/**
 * Sees to it that somebody can sign in.
 *
 * @throws {Error} when the password file cannot be read or its password is not good enough
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
      const { id } = await restoreFirstAdministrator(tx)
      await setPasswordHash(tx, id, hash)
      await deleteSetupLinks(tx, id)
      await noteSetUp(tx, 'by file')
    })
    return {}
  }
  const admin = await findPrincipalByName(metadata, firstAdministrator)
  // Somebody read a generated password off a terminal. Without one, the link would go to a log: whoever reads that
  // could take over what is in use. `carrel admin link` makes one on purpose.
  if (admin?.passwordHash !== undefined && !options.mayGenerate) return {}
  const generatedPassword = options.mayGenerate ? generatePassword() : undefined
  const hash = generatedPassword === undefined ? undefined : await passwords.hash(generatedPassword)
  const isNew = await metadata.write(async (tx) => insertPrincipal(tx, newAdministrator(hash)))
  const link = await createSetupLink(metadata)
  return { link, ...(isNew && generatedPassword !== undefined && { generatedPassword }) }
}

export interface SetupLink {
  readonly key: string
  readonly expiresAt: Date
}

/** A new one-time link by which the administrator's password is set; those of other nodes stay good. */
async function createSetupLink(metadata: MetadataStore): Promise<SetupLink> {
  return metadata.write(async (tx) => {
    await insertPrincipal(tx, newAdministrator(undefined))
    return insertLink(tx, await requireFirstAdministrator(tx))
  })
}

/** As createSetupLink, for whoever asks for one: every link before it no longer works. */
export async function replaceSetupLink(metadata: MetadataStore): Promise<SetupLink> {
  return metadata.write(async (tx) => {
    const admin = await restoreFirstAdministrator(tx)
    await deleteSetupLinks(tx, admin.id)
    return insertLink(tx, admin)
  })
}

async function insertLink(tx: Transaction, { id }: PrincipalRow): Promise<SetupLink> {
  const { key, hash } = createSetupKey()
  const expiresAt = new Date(Date.now() + linkLifetimeMs)
  await insertSetupLink(tx, { keyHash: hash, principalId: id, expiresAt: expiresAt.getTime() })
  return { key, expiresAt }
}

/** Uses a link up and sets the password; false when the link is unknown, used or expired. */
export async function completeSetup(
  deps: FirstAdministratorDeps,
  { key, password }: { readonly key: string; readonly password: string },
): Promise<boolean> {
  const keyHash = hashSetupKey(key)
  // Looked up before anything is hashed: a guess costs one query.
  if (keyHash === undefined || !(await isGoodSetupLink(deps.metadata, keyHash))) return false
  const hash = await deps.passwords.hash(password)
  return deps.metadata.write(async (tx) => {
    const principalId = await useSetupLink(tx, keyHash)
    if (principalId === undefined) return false
    await setPasswordHash(tx, principalId, hash)
    // The links of other starts are as good as this one was.
    await deleteSetupLinks(tx, principalId)
    await noteSetUp(tx, 'by link')
    return true
  })
}

/** Somebody has chosen the administrator's password: from now on a start makes no link and reads no file. */
export async function noteSetUp(
  tx: Transaction,
  how: 'by file' | 'by link' | 'by command',
): Promise<void> {
  await ensureSetting(tx, doneSetting, how)
}

/** The first administrator, who afterwards is there, enabled and an administrator, whatever was before. */
export async function restoreFirstAdministrator(tx: Transaction): Promise<PrincipalRow> {
  await insertPrincipal(tx, newAdministrator(undefined))
  const admin = await requireFirstAdministrator(tx)
  await restoreAdministrator(tx, admin)
  return admin
}

async function requireFirstAdministrator(tx: Transaction): Promise<PrincipalRow> {
  const admin = await findPrincipalByName(tx, firstAdministrator)
  if (admin === undefined) throw new Error('the first administrator vanished while it was made')
  return admin
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
  const weakness = weaknessOf(password, firstAdministrator)
  if (weakness === undefined) return password
  throw new Error(
    `The password in ${path} (CARREL_ADMIN_PASSWORD_FILE) is not accepted. ${weakness} Put a better one there.`,
  )
}
