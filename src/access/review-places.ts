// Whether two places have a repository name in common. Unlike containsPlace it is told exactly, by walking through both
// patterns at once; which of the names in common are ones that repositories can have is not asked.
import type { Place } from '../auth/place.ts'

/** True when some name could be in both. */
export function placesOverlap(one: Place, other: Place): boolean {
  return patternsOverlap(patternOf(one), patternOf(other))
}

/** Of two patterns with `*`, `**` and `?` as places have them. */
export function patternsOverlap(one: string, other: string): boolean {
  return walkBoth(stepsOf(one), stepsOf(other))
}

/** A place of any kind as a glob over whole names. */
export function patternOf({ kind, text }: Place): string {
  switch (kind) {
    case 'installation':
      return '**'
    case 'root':
      return '*'
    case 'namespace':
      return `${text}**`
    case 'repository':
    case 'glob':
      return text
  }
}

function stepsOf(pattern: string): readonly string[] {
  return pattern.match(/\*\*|\*|[^*]/g) ?? []
}

/** Each pair of positions is looked at once, so the steps are at most the product of both lengths. */
function walkBoth(one: readonly string[], other: readonly string[]): boolean {
  const width = other.length + 1
  const seen = new Uint8Array((one.length + 1) * width)
  const open: number[] = [0]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen[at] === 1) continue
    seen[at] = 1
    const i = Math.floor(at / width)
    const j = at % width
    if (i === one.length && j === other.length) return true
    open.push(...nextOf(one[i], other[j]).map(([di, dj]) => (i + di) * width + j + dj))
  }
  return false
}

/** How far both can go from here by nothing, or by one character that fits both. */
function nextOf(
  a: string | undefined,
  b: string | undefined,
): readonly (readonly [number, number])[] {
  const next: [number, number][] = []
  if (a !== undefined && isStar(a)) next.push([1, 0])
  if (b !== undefined && isStar(b)) next.push([0, 1])
  if (a !== undefined && b !== undefined && haveCommonCharacter(a, b)) {
    next.push([isStar(a) ? 0 : 1, isStar(b) ? 0 : 1])
  }
  return next
}

function isStar(step: string): boolean {
  return step.startsWith('*')
}

function haveCommonCharacter(a: string, b: string): boolean {
  if (a === '**' || b === '**') return true
  const isAnyA = a === '*' || a === '?'
  const isAnyB = b === '*' || b === '?'
  if (isAnyA && isAnyB) return true
  if (isAnyA) return b !== '/'
  if (isAnyB) return a !== '/'
  return a === b
}
