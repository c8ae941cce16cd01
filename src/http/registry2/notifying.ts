// Routes that tell of what they did, for notifications.endpoints of registry:2's configuration: whatever was pushed, pulled,
// mounted or deleted, once its answer is certain. Without endpoints nothing of this is on the way of a request.
import { nameOfIdentity } from '../../auth/identity.ts'
import { linkedBlobSize } from '../../metadata/blobs.ts'
import { findManifest } from '../../metadata/manifests.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findRepository } from '../../metadata/repositories.ts'
import type { Action, Descriptor, Happened } from '../../notifications/event.ts'
import { isDigest, type Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import type { Reply } from '../reply.ts'
import type { Call, Route, RouteTable } from '../route.ts'

export interface NotifyingDeps {
  readonly metadata: MetadataStore
  readonly notify: (happened: Happened) => void
  readonly warn: (message: string) => void
  /** Whether a manifest's contents are told with it. */
  readonly includeReferences: boolean
}

type NamedCall = Call & { readonly target: { readonly name: string } }

export function withNotifications(routes: RouteTable, deps: NotifyingDeps): RouteTable {
  const { manifest, blob, uploads, upload } = routes
  const telling = <R extends Route<never>>(
    route: R | undefined,
    of: (call: NamedCall, reply: Reply) => Action | undefined,
  ) => route && tellingRoute(deps, route, of)
  const pull = () => 'pull' as const
  const push = () => 'push' as const
  const remove = () => 'delete' as const
  return {
    ...routes,
    manifest: {
      ...manifest,
      ...withoutNone({
        GET: telling(manifest.GET, pull),
        PUT: telling(manifest.PUT, push),
        DELETE: telling(manifest.DELETE, remove),
      }),
    },
    blob: {
      ...blob,
      ...withoutNone({ GET: telling(blob.GET, pull), DELETE: telling(blob.DELETE, remove) }),
    },
    uploads: {
      ...uploads,
      ...withoutNone({
        POST: telling(uploads.POST, ({ request }) =>
          request.query.has('mount') ? 'mount' : 'push',
        ),
      }),
    },
    upload: { ...upload, ...withoutNone({ PUT: telling(upload.PUT, push) }) },
  }
}

function withoutNone<T extends object>(entries: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, entry]) => entry !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}

function tellingRoute<R extends Route<never>>(
  deps: NotifyingDeps,
  route: R,
  actionOf: (call: NamedCall, reply: Reply) => Action | undefined,
): R {
  return {
    ...route,
    async run(call: never) {
      const reply = await route.run(call)
      const action = isDone(reply) ? actionOf(call, reply) : undefined
      // Nobody waits for it: what happened has happened.
      if (action !== undefined) {
        void tell(deps, action, call, reply).catch((error: unknown) =>
          deps.warn(`a notification could not be made: ${String(error)}`),
        )
      }
      return reply
    },
  }
}

/** An upload that goes on answers 202, and so does a mount that could not be done; a delete does too, when it is done. */
function isDone({ status, headers = {} }: Reply): boolean {
  return (
    status === 200 ||
    status === 206 ||
    status === 201 ||
    (status === 202 && !('location' in headers))
  )
}

async function tell(
  deps: NotifyingDeps,
  action: Action,
  call: NamedCall,
  reply: Reply,
): Promise<void> {
  const { request, target, identity } = call
  const { headers } = request
  const digest = digestOf(call, reply)
  const tag = tagOf(call)
  const fromRepository = action === 'mount' ? request.query.get('from') : null
  const found =
    digest === undefined || action === 'delete' ? undefined : await describe(deps, call, digest)
  const kind = 'reference' in target ? 'manifests' : 'blobs'
  deps.notify({
    action,
    target: {
      ...(found === undefined ? digest !== undefined && { digest } : found.descriptor),
      repository: target.name,
      ...(tag !== undefined && { tag }),
      ...(fromRepository !== null && { fromRepository }),
      ...(digest !== undefined &&
        action !== 'delete' && { url: `${request.origin}/v2/${target.name}/${kind}/${digest}` }),
      ...(found?.references !== undefined && { references: found.references }),
    },
    request: {
      addr: request.peer.address,
      host: headers.host ?? '',
      method: request.method,
      useragent: headers['user-agent'] ?? '',
    },
    actor: identity.kind === 'anonymous' ? {} : { name: nameOfIdentity(identity) },
  })
}

function digestOf({ target }: NamedCall, { headers = {} }: Reply): Digest | undefined {
  const told = headers['docker-content-digest']
  if (typeof told === 'string' && isDigest(told)) return told
  if ('digest' in target) return target.digest
  return 'reference' in target && target.reference.kind === 'digest'
    ? target.reference.digest
    : undefined
}

function tagOf({ target }: NamedCall): string | undefined {
  return 'reference' in target && target.reference.kind === 'tag' ? target.reference.tag : undefined
}

interface Described {
  readonly descriptor: Descriptor
  readonly references?: readonly Descriptor[]
}

async function describe(
  { metadata, includeReferences }: NotifyingDeps,
  { target, repository }: NamedCall,
  digest: Digest,
): Promise<Described | undefined> {
  const id = repository?.id ?? (await findRepository(metadata, target.name as never))?.id
  if (id === undefined) return undefined
  if (!('reference' in target)) {
    const size = await linkedBlobSize(metadata, id, digest)
    return size === undefined
      ? undefined
      : { descriptor: { mediaType: 'application/octet-stream', digest, size } }
  }
  const manifest = await findManifest(metadata, id, digest)
  if (manifest === undefined) return undefined
  const { mediaType, size, content } = manifest
  const descriptor = { mediaType, digest, size }
  if (!includeReferences) return { descriptor }
  const { config, layers, manifests } = parseManifest(mediaType, content)
  const held = [...(config === undefined ? [] : [config]), ...layers, ...manifests]
  return {
    descriptor,
    references: held.map((each) => ({
      mediaType: each.mediaType,
      digest: each.digest,
      size: each.size,
    })),
  }
}
