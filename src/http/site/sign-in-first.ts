// Pages that are for whoever is signed in: others are led to the sign-in page, and come back afterwards.
import type { Reply } from '../reply.ts'
import type { Call } from '../route.ts'
import type { ResourceKind } from '../target.ts'
import { seeOther } from './page-reply.ts'

const pages: ReadonlySet<ResourceKind> = new Set<ResourceKind>(['account', 'device'])

/** Undefined for what is no such page. */
export function signInFirst({ request, target }: Call): Reply | undefined {
  const { method, path, query } = request
  if (!pages.has(target.resource) || (method !== 'GET' && method !== 'HEAD')) return undefined
  const text = query.toString()
  const to = text === '' ? path : `${path}?${text}`
  return seeOther(`/login?to=${encodeURIComponent(to)}`)
}
