// Why an ID token is not taken: the token itself is not good, or its issuer could not be asked about it.

export type IdTokenErrorKind = 'token' | 'issuer'

export class IdTokenError extends Error {
  override readonly name = 'IdTokenError'
  readonly kind: IdTokenErrorKind

  /** `message` is one or two whole sentences that may be shown to the one who sent the token. */
  constructor(kind: IdTokenErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}

/** What somebody else wrote, short and on one line. */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return JSON.stringify(text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text)
}

const maxQuoted = 200
