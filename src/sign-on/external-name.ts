// Makes a user name of Carrel from what an identity provider calls somebody. A user name is lower-case
// letters and digits with single dots, hyphens or underscores between them, at most 64 characters: it
// is a component of repository names as well. Whether the name is free is for the caller to find out.

/** `undefined` when the name holds nothing that a user name can be made of. */
export function toUserName(external: string): string | undefined {
  const plain = withoutDomain(external.slice(0, maxExternalLength))
    // é becomes e and a mark, ﬁ becomes fi; what has no such form becomes a hyphen below.
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
  const name = plain
    .replaceAll(/[^a-z0-9]+/g, (between) => (/^[._-]$/.test(between) ? between : '-'))
    .replaceAll(/^[._-]+/g, '')
  const cut = trimEnd(name.slice(0, maxLength))
  return cut === '' ? undefined : cut
}

/** `ann` of the provider `corp` as `ann.corp`, for when somebody else is called `ann`. */
export function withProvider(name: string, provider: string): string {
  return `${trimEnd(name.slice(0, maxLength - provider.length - 1))}.${provider}`
}

const maxLength = 64
/** Enough for every name; work on what a provider sends stays bounded. */
const maxExternalLength = 320

/** A mail address or user principal name without its last `@` and what follows. */
function withoutDomain(external: string): string {
  const at = external.lastIndexOf('@')
  return at > 0 ? external.slice(0, at) : external
}

function trimEnd(name: string): string {
  return name.replace(/[._-]$/, '')
}
