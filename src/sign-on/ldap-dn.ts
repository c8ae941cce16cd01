// Distinguished names as RFC 4514 writes them: `cn=admins,ou=groups,dc=example,dc=com`.

export interface NamePart {
  /** In lower case. */
  readonly attribute: string
  readonly value: string
}

/** From the entry to the root, the first pair of each part only; `undefined` when it is no DN. */
export function parseDn(text: string): readonly NamePart[] | undefined {
  const parts = splitUnescaped(text, ',').map((part) => parsePart(part))
  return parts.every((part) => part !== undefined) ? parts : undefined
}

/** Whether an entry lies below (or is) another one; letters' case never matters in bases. */
export function isBelow(dn: readonly NamePart[], base: readonly NamePart[]): boolean {
  const skipped = dn.length - base.length
  if (skipped < 0) return false
  return base.every((part, index) => {
    const own = dn[skipped + index]
    return own?.attribute === part.attribute && fold(own.value) === fold(part.value)
  })
}

function parsePart(text: string): NamePart | undefined {
  const pair = splitUnescaped(text, '+')[0] ?? ''
  const match = pairPattern.exec(pair)
  if (match === null) return undefined
  const value = unescape(trimUnescaped(match[2] ?? ''))
  if (value === undefined || value === '') return undefined
  return { attribute: (match[1] ?? '').toLowerCase(), value }
}

const pairPattern = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=(.*)$/s

function splitUnescaped(text: string, separator: string): readonly string[] {
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === separator) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

function trimUnescaped(value: string): string {
  const start = value.trimStart()
  const end = start.trimEnd()
  // A space behind a backslash belongs to the value: an odd number of them stands before it.
  const backslashes = /\\*$/.exec(end)?.[0].length ?? 0
  return backslashes % 2 === 1 && end.length < start.length ? `${end} ` : end
}

/** `\,` is a comma, `\C3\A9` an é; `undefined` when a backslash stands before nothing. */
function unescape(value: string): string | undefined {
  if (!value.includes('\\')) return value
  const bytes: Buffer[] = []
  for (let at = 0; at < value.length; at++) {
    if (value[at] !== '\\') {
      const end = value.indexOf('\\', at)
      const plain = value.slice(at, end === -1 ? value.length : end)
      bytes.push(Buffer.from(plain))
      at += plain.length - 1
      continue
    }
    const hex = /^[\dA-Fa-f]{2}/.exec(value.slice(at + 1, at + 3))?.[0]
    const next = value[at + 1]
    if (next === undefined) return undefined
    bytes.push(hex === undefined ? Buffer.from(next) : Buffer.from(hex, 'hex'))
    at += hex === undefined ? 1 : 2
  }
  return Buffer.concat(bytes).toString('utf8')
}

function fold(value: string): string {
  return value.toLowerCase().replaceAll(/\s+/g, ' ')
}
