// All operations of the management API in one table, by name. What is not here does not exist.
import type { z } from 'zod'
import { accessReviews } from './access-reviews.ts'
import { access } from './access.ts'
import { accounts, totp } from './account.ts'
import { audit } from './audit.ts'
import { collection } from './collection.ts'
import { federationRules } from './federation-rules.ts'
import { grants } from './grants.ts'
import { namespaces } from './namespaces.ts'
import { readOnly } from './read-only.ts'
import { repositories } from './repositories.ts'
import { robots } from './robots.ts'
import { sessions } from './sessions.ts'
import { images, tags } from './tags.ts'
import { teams } from './teams.ts'
import { tokens } from './tokens.ts'
import { users } from './users.ts'

export const operations = {
  ...accounts,
  ...totp,
  ...users,
  ...teams,
  ...namespaces,
  ...repositories,
  ...tags,
  ...images,
  ...grants,
  ...tokens,
  ...robots,
  ...federationRules,
  ...sessions,
  ...access,
  ...accessReviews,
  ...audit,
  ...collection,
  ...readOnly,
}

export type Operations = typeof operations
export type OperationName = keyof Operations

/** The names of the operations of one noun: `grants.list`, `grants.create`, … */
export type OperationOf<Noun extends string> = Extract<OperationName, `${Noun}.${string}`>

/** What a caller gives: what has a default may be left out. */
export type InputOf<N extends OperationName> = Exact<z.input<Operations[N]['input']>>

/** What a handler gets: checked, with defaults. */
export type ParsedInputOf<N extends OperationName> = Exact<z.output<Operations[N]['input']>>

export type OutputOf<N extends OperationName> = Exact<z.output<Operations[N]['output']>>

/** Of those that answer with text. */
export type StreamName = {
  [N in OperationName]: OutputOf<N> extends string ? N : never
}[OperationName]

export type ListName = {
  [N in OperationName]: OutputOf<N> extends { readonly items: readonly unknown[] } ? N : never
}[OperationName]

export type ItemOf<N extends ListName> =
  OutputOf<N> extends { readonly items: readonly (infer Item)[] } ? Item : never

/** As it is in JSON: nothing can be changed, and what may be left out is never there as undefined. */
export type Exact<T> = T extends readonly (infer Item)[]
  ? readonly Exact<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Exact<Exclude<T[K], undefined>> }
    : T
