// Whether a document has the structure that OpenAPI 3.1.1 and JSON Schema 2020-12 ask for, as far as ours uses them:
// required parts, kinds of values, references that lead somewhere, parameters that are in their path.

type Json = Readonly<Record<string, unknown>>

const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])
const types = new Set(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'])
const keywords = new Set(
  (
    '$ref type enum const anyOf allOf oneOf not default examples title description format pattern minLength ' +
    'maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf items prefixItems minItems maxItems ' +
    'uniqueItems properties required additionalProperties propertyNames minProperties maxProperties readOnly ' +
    'writeOnly deprecated'
  ).split(' '),
)

/** What is wrong, one sentence each; nothing when all is well. */
export function checkOpenApi(document: unknown): readonly string[] {
  const found: string[] = []
  const root = document as Json
  const expect = (condition: boolean, message: string) => {
    if (!condition) found.push(message)
  }
  expect(/^3\.1\.\d+$/.test(textOf(root['openapi'])), 'openapi is not 3.1')
  const info = objectOf(root['info'])
  expect(textOf(info['title']) !== '', 'info.title is missing')
  expect(textOf(info['version']) !== '', 'info.version is missing')
  const components = objectOf(root['components'])
  for (const group of Object.keys(components)) {
    for (const name of Object.keys(objectOf(components[group]))) {
      expect(/^[A-Za-z0-9._-]+$/.test(name), `components.${group}.${name} is no name`)
    }
  }
  for (const [name, schema] of Object.entries(objectOf(components['schemas']))) {
    checkSchema(schema, `schema ${name}`, expect)
  }
  const schemes = objectOf(components['securitySchemes'])
  for (const requirement of (root['security'] ?? []) as readonly Json[]) {
    for (const name of Object.keys(requirement)) {
      expect(Object.hasOwn(schemes, name), `there is no security scheme ${name}`)
    }
  }
  for (const [name, scheme] of Object.entries(schemes)) {
    const { type, scheme: word } = objectOf(scheme)
    expect(type !== 'http' || typeof word === 'string', `security scheme ${name} has no scheme`)
  }
  const ids = new Set<string>()
  for (const [path, item] of Object.entries(objectOf(root['paths']))) {
    expect(path.startsWith('/'), `${path} does not begin with a slash`)
    for (const [method, operation] of Object.entries(objectOf(item))) {
      const where = `${method} ${path}`
      expect(methods.has(method), `${where}: no such method`)
      const id = textOf(objectOf(operation)['operationId'])
      expect(id !== '' && !ids.has(id), `${where}: operationId ${id} is missing or there twice`)
      ids.add(id)
      checkOperation(objectOf(operation), { path, where, root }, expect)
    }
  }
  for (const reference of referencesIn(root)) {
    expect(resolve(root, reference) !== undefined, `${reference} leads nowhere`)
  }
  return found
}

type Expect = (condition: boolean, message: string) => void

function checkOperation(
  operation: Json,
  { path, where, root }: { readonly path: string; readonly where: string; readonly root: Json },
  expect: Expect,
): void {
  const parameters = (operation['parameters'] ?? []) as readonly Json[]
  const seen = new Set<string>()
  const inPath = new Set<string>()
  for (const parameter of parameters) {
    const { name, in: place, required, schema } = parameter
    const key = `${String(place)} ${String(name)}`
    expect(['path', 'query', 'header', 'cookie'].includes(String(place)), `${where}: ${key}`)
    expect(!seen.has(key), `${where}: ${key} is there twice`)
    seen.add(key)
    if (place === 'path') {
      inPath.add(String(name))
      expect(required === true, `${where}: ${key} must be required`)
    }
    checkSchema(schema, `${where} ${key}`, expect)
  }
  const wanted = Array.from(path.matchAll(/\{([^}]+)\}/g), ([, name]) => String(name))
  expect(
    wanted.length === inPath.size && wanted.every((name) => inPath.has(name)),
    `${where}: the path has ${wanted.join()}, the parameters ${[...inPath].join()}`,
  )
  const body = operation['requestBody']
  if (body !== undefined) checkContent(objectOf(body)['content'], `${where} body`, expect)
  const responses = objectOf(operation['responses'])
  expect(Object.keys(responses).length > 0, `${where} has no responses`)
  for (const [status, answer] of Object.entries(responses)) {
    expect(/^(?:[1-5]\d\d|default)$/.test(status), `${where}: ${status} is no status`)
    const { $ref, ...rest } = objectOf(answer)
    const response = $ref === undefined ? rest : objectOf(resolve(root, textOf($ref)))
    expect(typeof response['description'] === 'string', `${where}: ${status} has no description`)
    if (response['content'] !== undefined) {
      checkContent(response['content'], `${where} ${status}`, expect)
    }
  }
}

function checkContent(content: unknown, where: string, expect: Expect): void {
  const media = Object.entries(objectOf(content))
  expect(media.length > 0, `${where} has no content`)
  for (const [type, { schema }] of media as readonly [string, Json][]) {
    expect(/^[a-z]+\/[a-z0-9.+-]+$/.test(type), `${where}: ${type} is no media type`)
    checkSchema(schema, `${where} ${type}`, expect)
  }
}

function checkSchema(schema: unknown, where: string, expect: Expect): void {
  if (typeof schema === 'boolean') return
  expect(typeof schema === 'object' && schema !== null, `${where} is no schema`)
  const all = objectOf(schema)
  for (const key of Object.keys(all)) expect(keywords.has(key), `${where}: ${key} is no keyword`)
  const { type, required, properties, pattern } = all
  expect(type === undefined || types.has(textOf(type)), `${where}: ${textOf(type)} is no type`)
  expect(type !== 'array' || all['items'] !== undefined, `${where}: items are missing`)
  if (pattern !== undefined) expect(isPattern(textOf(pattern)), `${where}: ${textOf(pattern)}`)
  for (const name of (required ?? []) as readonly string[]) {
    expect(Object.hasOwn(objectOf(properties), name), `${where}: ${name} is required and not there`)
  }
  for (const [name, each] of Object.entries(objectOf(properties))) {
    checkSchema(each, `${where}.${name}`, expect)
  }
  for (const key of ['items', 'additionalProperties', 'propertyNames', 'not']) {
    if (all[key] !== undefined) checkSchema(all[key], `${where} ${key}`, expect)
  }
  for (const key of ['anyOf', 'allOf', 'oneOf']) {
    for (const each of (all[key] ?? []) as readonly unknown[]) {
      checkSchema(each, `${where} ${key}`, expect)
    }
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp
  } catch {
    return false
  }
}

function* referencesIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, each] of Object.entries(value)) {
    if (key === '$ref' && typeof each === 'string') yield each
    else yield* referencesIn(each)
  }
}

function resolve(root: Json, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined
  let here: unknown = root
  for (const part of reference.slice(2).split('/')) here = objectOf(here)[part]
  return here
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
