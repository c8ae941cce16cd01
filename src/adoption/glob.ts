// Names of repositories as people write several at once.

/** `*` stands for anything within a component, `**` for anything, `?` for one character. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const source = pattern.replace(/\*\*|[*?]|[^*?]+/g, (part) => {
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  })
  const expression = new RegExp(`^${source}$`)
  return (name) => expression.test(name)
}
