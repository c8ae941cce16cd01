// POST /api/v1/setup: whoever holds the one-time link sets the first administrator's password.
import type { PasswordPool } from '../../auth/password-pool.ts'
import { completeSetup, firstAdministrator } from '../../installation/first-administrator.ts'
import { weaknessOf } from '../../installation/password-policy.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { readAll } from '../../streams/read-all.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply } from '../reply.ts'
import { nothing, type Routes } from '../route.ts'

export interface SetupDeps {
  readonly metadata: MetadataStore
  readonly passwords: PasswordPool
}

const maxBytes = 8192

export function setupRoutes(deps: SetupDeps): Routes<'setup'> {
  return {
    POST: {
      needs: nothing,
      async run({ request }) {
        const { key, password } = parse(await readAll(request.body, maxBytes))
        const done = await completeSetup(deps, { key, password })
        if (done)
          return jsonReply(200, { name: firstAdministrator }, { 'cache-control': 'no-store' })
        throw new HttpError(
          403,
          'This setup link was used already, has expired, or is not complete. Get a new one with: carrel admin link',
        )
      },
    },
  }
}

function parse(bytes: Buffer | undefined): { readonly key: string; readonly password: string } {
  let body: unknown
  try {
    body = JSON.parse(bytes?.toString('utf8') ?? '')
  } catch {
    throw new HttpError(400, 'Send JSON: {"key": "…", "password": "…"}.')
  }
  const { key, password } = (body ?? {}) as Record<string, unknown>
  if (typeof key !== 'string' || typeof password !== 'string') {
    throw new HttpError(400, 'Send JSON: {"key": "…", "password": "…"}.')
  }
  const weakness = weaknessOf(password, firstAdministrator)
  if (weakness === undefined) return { key, password }
  throw new HttpError(400, `This password is not accepted. ${weakness}`)
}
