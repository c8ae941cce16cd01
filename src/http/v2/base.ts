// GET /v2/ (end-1): tells that this is a registry, and makes clients sign in: anonymous callers are challenged even
// where some repositories are public, or clients would never send credentials.
import { jsonReply } from '../reply.ts'
import type { Routes } from '../route.ts'

const needs = () => ({ action: 'pull', resource: { type: 'base' } }) as const

export function baseRoutes(): Routes<'base'> {
  const route = { needs, run: async () => jsonReply(200, {}) }
  return { GET: route, HEAD: route }
}

/** GET /v2/_oci/ext/discover: no extensions. */
export function extensionRoutes(): Routes<'extensions'> {
  return { GET: { needs, run: async () => jsonReply(200, { extensions: [] }) } }
}
