// Why an outbound request came to nothing. Never holds anything of a response's body: whoever may name a URL must not
// be able to read through us what only we can reach. Of the URL it tells the origin, as paths can be secrets.

export type OutboundErrorKind =
  | 'bad-url'
  | 'refused-address'
  | 'unreachable'
  | 'timeout'
  | 'tls'
  | 'redirect'
  | 'too-large'
  | 'bad-response'

/** The settings that these errors send people to. */
export const outboundSettings = {
  allow: 'outboundAllow',
  authorities: 'outboundAuthorities',
} as const

export interface OutboundErrorText {
  /** "https://idp.example.com cannot be asked", without a full stop. */
  readonly what: string
  /** A clause, without a full stop. */
  readonly why: string
  /** A whole sentence. */
  readonly fix: string
}

export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly kind: OutboundErrorKind
  readonly what: string
  readonly why: string
  readonly fix: string

  constructor(kind: OutboundErrorKind, text: OutboundErrorText, cause?: unknown) {
    const { what, why, fix } = text
    super(`${what}: ${why}. ${fix}`, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.what = what
    this.why = why
    this.fix = fix
  }
}
