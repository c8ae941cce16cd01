// A route: what a caller needs, and what is done. A route that declares no need does not compile.
import type { Permission } from '../auth/authorize.ts'
import type { Identity } from '../auth/identity.ts'
import type { RepositoryRow } from '../metadata/repositories.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'
import type { ResourceKind, Target } from './target.ts'

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

export interface Call<T extends Target = Target> {
  readonly request: HttpRequest
  readonly target: T
  readonly identity: Identity
  /** The repository that the target names, as it was when the decision was made. */
  readonly repository: RepositoryRow | undefined
}

export interface Route<T extends Target = Target> {
  needs(target: T): Permission
  run(call: Call<T>): Promise<Reply>
}

export type TargetOf<R extends ResourceKind> = Extract<Target, { readonly resource: R }>

export type Routes<R extends ResourceKind> = Partial<Record<Method, Route<TargetOf<R>>>>

/** Every resource has an entry, so that none can be forgotten. */
export type RouteTable = { readonly [R in ResourceKind]: Routes<R> }

export const nothing = (): Permission => ({ action: 'pull', resource: { type: 'nothing' } })

/** The caller's own account, with a credential that is not narrowed. */
export const self = (): Permission => ({ action: 'admin', resource: { type: 'self' } })
