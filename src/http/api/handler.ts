// How an operation is done: what its caller needs, and the doing. A handler that declares no need does not compile, and
// neither does an operation without a handler (handlers.ts).
import type { Actor } from '../../access/actor.ts'
import type { DecisionWatch } from '../../access/decision-watch.ts'
import { decide, type Permission } from '../../auth/authorize.ts'
import type { Identity } from '../../auth/identity.ts'
import type { LoginGate } from '../../auth/check-password.ts'
import type { PasswordPool } from '../../auth/password-pool.ts'
import type { CollectionDelays } from '../../collection/run.ts'
import type { OperationName, OutputOf, ParsedInputOf } from '../../contract/operations.ts'
import type { MetadataStore, Reader } from '../../metadata/metadata-store.ts'
import type { BlobStore } from '../../storage/blob-store.ts'
import type { ChangeGuard } from '../read-only.ts'
import type { IdTokenVerifier } from '../../sign-on/id-token.ts'

export interface ApiDeps {
  readonly metadata: MetadataStore
  readonly passwords: Pick<PasswordPool, 'hash' | 'verify'>
  /** Stands before every password that is checked. */
  readonly gate?: LoginGate | undefined
  /** A principal was changed, disabled or removed: what is remembered of it here no longer counts. */
  readonly forgetPrincipal: (id: number) => void
  /** The same of a token that was revoked, or got another secret. */
  readonly forgetToken?: ((id: number) => void) | undefined
  /** 32 bytes that seal the secrets of second factors; without it there are none. */
  readonly totpKey?: Uint8Array | undefined
  /** How clients call this installation, as in https://registry.example.com: identity tokens are made for it. */
  readonly audience?: (() => string) | undefined
  /** Verifies identity tokens of CI jobs. */
  readonly idTokens?: IdTokenVerifier | undefined
  /** Where the heads of the audit log are anchored: the data folder. */
  readonly auditFolder?: string | undefined
  /** Refuses changes of content while there must be none; without it, the switch of the installation is asked. */
  readonly guard?: ChangeGuard
  /** For collection: where the bytes lie, and how long what stays; without it nothing is collected by request. */
  readonly collection?: CollectionAccess | undefined
  /** Hears of every decision. */
  readonly watch?: DecisionWatch | undefined
}

export interface CollectionAccess {
  readonly blobs: Pick<BlobStore, 'delete'>
  readonly keep: CollectionDelays
}

export interface ApiCall<N extends OperationName> {
  readonly deps: ApiDeps
  readonly identity: Identity
  /** The same for the audit log and the rows that are made. */
  readonly actor: Actor
  /** Checked, with defaults. */
  readonly input: ParsedInputOf<N>
  /**
   * There when the caller sent If-Match: give it the representation as it is inside the transaction of the change (see
   * `expecting` in etag.ts). Operations that are not `versioned` never have it.
   *
   * @throws {Refusal} changed
   */
  readonly expect: ((representation: object) => void) | undefined
}

/** One permission, or several; of a refusal the words of the last one that was looked at are told. */
export type Needs =
  | Permission
  | { readonly anyOf: readonly [Permission, ...Permission[]] }
  | { readonly allOf: readonly [Permission, ...Permission[]] }

/** What operations answer with that are `streamed`. */
export interface TextStream {
  /** One of the operation's. */
  readonly mediaType: string
  /** Whole lines. A failure breaks the connection, so that nobody takes a part for the whole. */
  readonly pieces: AsyncIterable<string>
}

type Answer<Output> = Output extends undefined ? void : Output extends string ? TextStream : Output

interface Runs<N extends OperationName> {
  run(call: ApiCall<N>): Promise<Answer<OutputOf<N>>>
}

/** What is needed follows from the input. */
export interface DeclaringHandler<N extends OperationName> extends Runs<N> {
  needs(input: ParsedInputOf<N>, identity: Identity): Needs
}

/** What is needed depends on the row that an id names. */
export interface LocatingHandler<N extends OperationName> extends Runs<N> {
  /** Undefined: there is no such row, which is answered exactly as one that the caller may not see. */
  locate(reader: Reader, input: ParsedInputOf<N>, identity: Identity): Promise<Needs | undefined>
}

export type Handler<N extends OperationName> = DeclaringHandler<N> | LocatingHandler<N>

export type Handlers<N extends OperationName> = { readonly [K in N]: Handler<K> }

// Needs that many operations have.

export const signedIn = (): Permission => ({ action: 'pull', resource: { type: 'signed-in' } })

export const ownAccount = (): Permission => ({ action: 'admin', resource: { type: 'self' } })

export const installationAdmin = (): Permission => ({
  action: 'admin',
  resource: { type: 'installation' },
})

/** For lists: whether the caller sees all that there is, with the credential of this request. */
export function seesAll(identity: Identity): boolean {
  return decide(identity, installationAdmin(), { repository: undefined }).allowed
}
