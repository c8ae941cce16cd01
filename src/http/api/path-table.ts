// Which operation a path and a method mean. Built once; a path is looked at part by part.
import { pathParameters } from '../../contract/operation.ts'
import { operations, type OperationName } from '../../contract/operations.ts'

export const apiPrefix = '/api/v1'

type Methods = ReadonlyMap<string, OperationName>

export interface Matched {
  readonly methods: Methods
  readonly parameters: Readonly<Record<string, string>>
}

interface Resource {
  /** A literal part, or the name of a parameter. */
  readonly parts: readonly ({ readonly word: string } | { readonly parameter: string })[]
  /** The last parameter takes the rest of the path. */
  readonly takesRest: boolean
  readonly methods: Map<string, OperationName>
}

/** By the first part of the path, as all of them begin with a word. */
export type PathTable = ReadonlyMap<string, readonly Resource[]>

export function createPathTable(): PathTable {
  const resources = new Map<string, Resource>()
  for (const [name, { method, path }] of Object.entries(operations)) {
    const resource = resources.get(path) ?? resourceOf(path)
    resource.methods.set(method, name as OperationName)
    resources.set(path, resource)
  }
  const table = new Map<string, Resource[]>()
  for (const [path, resource] of resources) {
    const noun = path.split('/')[1] ?? ''
    table.set(noun, [...(table.get(noun) ?? []), resource])
  }
  return table
}

function resourceOf(path: string): Resource {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => {
      const [parameter] = pathParameters(part)
      return parameter === undefined ? { word: part } : { parameter: parameter.name }
    })
  return { parts, takesRest: path.endsWith('...}'), methods: new Map() }
}

/** Undefined: there is no such place. `path` is decoded. */
export function matchPath(table: PathTable, path: string): Matched | undefined {
  if (!path.startsWith(`${apiPrefix}/`)) return undefined
  const parts = path.slice(apiPrefix.length + 1).split('/')
  for (const resource of table.get(parts[0] ?? '') ?? []) {
    const parameters = parametersOf(resource, parts)
    if (parameters !== undefined) return { methods: resource.methods, parameters }
  }
  return undefined
}

function parametersOf(
  { parts: wanted, takesRest }: Resource,
  parts: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (takesRest ? parts.length < wanted.length : parts.length !== wanted.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const isRest = takesRest && index === wanted.length - 1
    const text = isRest ? parts.slice(index).join('/') : (parts[index] ?? '')
    if ('word' in part && part.word !== text) return undefined
    if (text === '') return undefined
    if ('parameter' in part) parameters[part.parameter] = text
  }
  return parameters
}
