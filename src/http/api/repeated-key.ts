// Which key an object of a JSON document has twice. Parsers differ in which of the two they take, so such a document is
// refused (oci/strict-json.ts), and its writer is told where to look.

/** The name of the first key that is repeated in one object of a well-formed document. */
export function findRepeatedKey(json: string): string | undefined {
  // Strings, and what objects and arrays are made of; numbers and words do not matter.
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g
  const objects: (Set<string> | undefined)[] = []
  let latest = ''
  for (const [token] of json.matchAll(tokens)) {
    if (token === '{') objects.push(new Set())
    else if (token === '[') objects.push(undefined)
    else if (token === '}' || token === ']') objects.pop()
    else if (token === ':') {
      const keys = objects.at(-1)
      const key = JSON.parse(latest) as string
      if (keys?.has(key) === true) return key
      keys?.add(key)
    } else latest = token
  }
  return undefined
}
