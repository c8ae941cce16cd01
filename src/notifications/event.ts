// What happened to content, in the envelope that registry:2 sends and Jenkins and many scripts read.
// Spec: distribution notifications, application/vnd.docker.distribution.events.v2+json.
import { randomUUID } from 'node:crypto'

export const eventsMediaType = 'application/vnd.docker.distribution.events.v2+json'

export type Action = 'push' | 'pull' | 'mount' | 'delete'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  /** In bytes. */
  readonly size: number
}

export interface Happened {
  readonly action: Action
  readonly target: Partial<Descriptor> & {
    readonly repository: string
    readonly tag?: string | undefined
    readonly fromRepository?: string | undefined
    readonly url?: string | undefined
    readonly references?: readonly Descriptor[] | undefined
  }
  readonly request: {
    readonly addr: string
    readonly host: string
    readonly method: string
    readonly useragent: string
  }
  readonly actor: { readonly name?: string | undefined }
}

export interface NotificationEvent extends Happened {
  readonly request: Happened['request'] & { readonly id: string }
  readonly id: string
  /** RFC 3339. */
  readonly timestamp: string
  readonly source: { readonly addr: string; readonly instanceID: string }
}

/** `length` says again what `size` says: old receivers read that. */
export function eventOf(
  happened: Happened,
  source: NotificationEvent['source'],
): NotificationEvent {
  const { target, request } = happened
  const length = target.size === undefined ? {} : { length: target.size }
  return {
    id: randomUUID(),
    timestamp: new Date().toISOString(),
    action: happened.action,
    target: { ...target, ...length },
    request: { id: randomUUID(), ...request },
    actor: happened.actor,
    source,
  }
}
