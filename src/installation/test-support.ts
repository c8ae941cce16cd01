// oxlint-disable no-restricted-imports -- tests use a real database
// An empty installation in a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Actor } from '../access/actor.ts'
import { createPasswordPool, type PasswordPool } from '../auth/password-pool.ts'
import { openSqlite } from '../metadata/dialects/sqlite.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'

export interface TestInstallation extends AsyncDisposable {
  readonly dir: string
  readonly metadata: MetadataStore
  readonly passwords: PasswordPool
}

export async function openTestInstallation(): Promise<TestInstallation> {
  const dir = await mkdtemp(join(tmpdir(), 'carrel-installation-'))
  const metadata = await openSqlite({ file: join(dir, 'carrel.db'), migrate: true })
  const passwords = createPasswordPool({ threads: 1, queueLimit: 8 })
  return {
    dir,
    metadata,
    passwords,
    async [Symbol.asyncDispose]() {
      await passwords.close()
      await metadata[Symbol.asyncDispose]()
      await rm(dir, { recursive: true })
    },
  }
}

/** What a use case refuses with, for comparison. */
export function refusal(kind: string, message: RegExp, why?: RegExp) {
  return (error: unknown): boolean => {
    const refused = error as Error & { readonly kind?: string; readonly why?: string }
    return (
      refused.name === 'Refusal' &&
      refused.kind === kind &&
      message.test(refused.message) &&
      (why === undefined || why.test(refused.why ?? ''))
    )
  }
}

export const actor: Actor = { id: undefined, name: 'operator' }

export const goodPassword = 'seven-red-lanterns'
