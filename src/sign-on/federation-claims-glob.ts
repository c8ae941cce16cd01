// Patterns for claims. `*` stands for any characters but `/` and `:`, which is what claims are put together with, so
// that `repo:acme/*:ref:refs/heads/main` cannot match more parts than it has. `**` stands for everything that is left,
// and only at the end. There is no escape: a star in a claim is matched by a star alone.

const separators = /([/:])/

/** What is wrong with a pattern, as a clause, or undefined. */
export function problemOfGlob(pattern: string): string | undefined {
  if (pattern.includes('***')) return 'has three stars in a row'
  const stars = pattern.indexOf('**')
  if (stars !== -1 && stars !== pattern.length - 2) return 'has ** before its end'
  return undefined
}

export function isGlob(pattern: string): boolean {
  return pattern.includes('*')
}

/** Looks at every character of the text at most once for each star. The pattern has no problem. */
export function matchesGlob(pattern: string, text: string): boolean {
  if (!isGlob(pattern)) return pattern === text
  const isOpen = pattern.endsWith('**')
  const wanted = (isOpen ? pattern.slice(0, -1) : pattern).split(separators)
  const found = text.split(separators)
  if (isOpen ? found.length < wanted.length : found.length !== wanted.length) return false
  return wanted.every((part, index) => matchesPart(part, found[index] ?? ''))
}

/** Parts have no separators; a separator is a part that matches itself. The leftmost place is as good as any other. */
function matchesPart(pattern: string, text: string): boolean {
  const [first = '', ...pieces] = pattern.split('*')
  const last = pieces.pop()
  if (last === undefined) return pattern === text
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  for (const piece of pieces) {
    const next = text.indexOf(piece, at)
    if (next === -1) return false
    at = next + piece.length
  }
  // The ends may not overlap with each other nor with what is between them.
  return at <= text.length - last.length
}
