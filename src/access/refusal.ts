// What was asked cannot be done, for a reason that the one who asked can do something about. 'changed': what was to be
// changed is no longer what the caller has seen.

export type RefusalKind = 'not-found' | 'exists' | 'invalid' | 'denied' | 'policy' | 'changed'

export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly kind: RefusalKind
  readonly why: string | undefined
  /** One line to type. */
  readonly fix: string | undefined

  constructor(
    kind: RefusalKind,
    message: string,
    more: { readonly why?: string; readonly fix?: string; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.kind = kind
    this.why = more.why
    this.fix = more.fix
  }
}
