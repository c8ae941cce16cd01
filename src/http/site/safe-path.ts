// Where to go after signing in, as an address says it: a path on this site and nothing else. What browsers make of
// backslashes, control characters and a second slash at the beginning is another site.

const longest = 2000

/** Undefined for whatever is no such path. */
export function safePath(text: string | null | undefined): string | undefined {
  if (text === null || text === undefined || text.length > longest) return undefined
  // Visible ASCII without the backslash; everything else stands percent-encoded in an address.
  if (!/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(text)) return undefined
  const base = 'http://site.invalid'
  if (!URL.canParse(text, base)) return undefined
  const url = new URL(text, base)
  return url.origin === base && !url.pathname.startsWith('//') ? text : undefined
}
