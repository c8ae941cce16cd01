// The regular expressions that people write in docker_auth's ACL, as globs, where both hold for the very same texts:
// letters, `.*`, `.+`, `[^/]*`, `[^/]+`, `(a|b)`, and anchors. Everything else is left alone.

/** A literal character, never a star or a question mark, or one of these. Globs have `?` as well: one character. */
export type Step = string
export const anyText = '.*'
export const someText = '.+'
export const anyPart = '[^/]*'
export const somePart = '[^/]+'

const specials: readonly string[] = [anyText, someText, anyPart, somePart]
const mostAlternatives = 64

export function isSpecial(step: Step): boolean {
  return specials.includes(step)
}

/** The alternatives, each as steps from the first character to the last; undefined for what is not understood. */
export function readRegex(source: string): readonly (readonly Step[])[] | undefined {
  const all: (readonly Step[])[] = []
  for (const branch of splitBranches(source)) {
    const alternatives = readBranch(branch)
    if (alternatives === undefined) return undefined
    all.push(...alternatives)
    if (all.length > mostAlternatives) return undefined
  }
  return all
}

/** `^a|b$` is `^a` or `b$`: a bar outside of brackets binds weakest. */
function splitBranches(source: string): readonly string[] {
  const branches: string[] = []
  let depth = 0
  let begin = 0
  for (let index = 0; index < source.length; index += 1) {
    const character = source[index]
    if (character === '\\') index += 1
    else if (character === '(' || character === '[') depth += 1
    else if (character === ')' || character === ']') depth -= 1
    else if (character === '|' && depth === 0) {
      branches.push(source.slice(begin, index))
      begin = index + 1
    }
  }
  return [...branches, source.slice(begin)]
}

function readBranch(branch: string): readonly (readonly Step[])[] | undefined {
  const isAnchored = branch.startsWith('^')
  let alternatives: (readonly Step[])[] = [isAnchored ? [] : [anyText]]
  let rest = isAnchored ? branch.slice(1) : branch
  while (rest !== '' && rest !== '$') {
    const read = readItem(rest)
    if (read === undefined) return undefined
    alternatives = alternatives.flatMap((steps) => read.choices.map((more) => [...steps, ...more]))
    if (alternatives.length > mostAlternatives) return undefined
    rest = rest.slice(read.length)
  }
  return rest === '$' ? alternatives : alternatives.map((steps) => [...steps, anyText])
}

interface Item {
  readonly choices: readonly (readonly Step[])[]
  readonly length: number
}

function readItem(rest: string): Item | undefined {
  const special = specials.find((each) => rest.startsWith(each))
  if (special !== undefined) return single([special], special.length, rest)
  const [group, inner] = /^\((?:\?:)?([^()[\]]*)\)/.exec(rest) ?? []
  if (group !== undefined && inner !== undefined) return readGroup(group, inner, rest)
  const literal = readLiteral(rest)
  return literal && single([literal.character], literal.length, rest)
}

function single(steps: readonly Step[], length: number, rest: string): Item | undefined {
  return isRepeated(rest, length) ? undefined : { choices: [steps], length }
}

function readGroup(group: string, inner: string, rest: string): Item | undefined {
  if (isRepeated(rest, group.length)) return undefined
  const choices: string[][] = []
  for (const alternative of splitBranches(inner)) {
    const steps: string[] = []
    for (let at = 0; at < alternative.length;) {
      const literal = readLiteral(alternative.slice(at))
      if (literal === undefined || isRepeated(alternative, at + literal.length)) return undefined
      steps.push(literal.character)
      at += literal.length
    }
    choices.push(steps)
  }
  return { choices, length: group.length }
}

/** Whether what ends before `at` has a `*`, `+`, `?` or `{2}` behind it. */
function isRepeated(text: string, at: number): boolean {
  return /^[*+?{]/.test(text.slice(at))
}

/** A character that stands for itself, or a sign with a backslash before it; no name has a star or question mark. */
function readLiteral(
  rest: string,
): { readonly character: string; readonly length: number } | undefined {
  const [, escaped] = /^\\([^A-Za-z0-9\s*?])/.exec(rest) ?? []
  if (escaped !== undefined) return { character: escaped, length: 2 }
  const [plain] = /^[A-Za-z0-9_/@:,;=%&#~!'" -]/.exec(rest) ?? []
  return plain === undefined ? undefined : { character: plain, length: 1 }
}
