// The OpenAPI 3.1 document of the management API, made of the operations themselves. Spec: OAS 3.1.1, whose schemas are
// JSON Schema 2020-12.
import { z } from 'zod'
import { hasQuery, pathParameters, type Operation } from '../../contract/operation.ts'
import { operations } from '../../contract/operations.ts'
import { problemKinds, problemMediaType } from '../../contract/problem.ts'
import { apiPrefix } from './path-table.ts'

type Json = Record<string, unknown>

export function openApiDocument(): Json {
  const schemas: Json = { Problem: problemSchema }
  const paths: Record<string, Json> = {}
  for (const [name, operation] of Object.entries(operations)) {
    const path = `${apiPrefix}${operation.path.replace('...}', '}')}`
    const methods = (paths[path] ??= {})
    methods[operation.method.toLowerCase()] = describe(name, operation, schemas)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Carrel management API',
      version: '1',
      description:
        'Users, teams, grants, tokens and all else that a Carrel keeps beside images. Lists come in pages; what is wrong ' +
        'comes as application/problem+json (RFC 9457).',
    },
    servers: [{ url: '/', description: 'Where this document is' }],
    security: [{ token: [] }, { password: [] }],
    paths,
    components: { schemas, responses: problemResponses(), securitySchemes },
  }
}

const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'A personal token or a robot’s secret (carrel token create)',
  },
  password: { type: 'http', scheme: 'basic', description: 'A name with its password or token' },
}

const text = { type: 'string' }

const problemSchema = {
  type: 'object',
  description: 'Why it was not done (RFC 9457)',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: {
      type: 'string',
      format: 'uri-reference',
      description: 'What kind it is, for programs, such as /problems/not-found',
    },
    title: { ...text, description: 'The kind for people' },
    status: { type: 'integer' },
    detail: { ...text, description: 'What happened' },
    why: text,
    fix: { ...text, description: 'One line to type' },
    errors: {
      type: 'array',
      description: 'The fields that are wrong',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: text, message: text },
      },
    },
  },
}

/** One for each status: several kinds can share one. */
function problemResponses(): Json {
  const titles = new Map<number, string[]>()
  for (const { status, title } of Object.values(problemKinds)) {
    titles.set(status, [...(titles.get(status) ?? []), title])
  }
  const content = { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    Array.from(titles, ([status, all]) => [
      `Problem${status}`,
      { description: all.join('; '), content },
    ]),
  )
}

function describe(name: string, operation: Operation, schemas: Json): Json {
  const { method, path, summary, description, input, versioned } = operation
  const { properties, required } = inputOf(input)
  const inPath = pathParameters(path)
  const names = new Set(inPath.map((parameter) => parameter.name))
  const others = Object.entries(properties).filter(([key]) => !names.has(key))
  const isRequired = (key: string) => required.includes(key)
  const parameters = [
    ...inPath.map((parameter) => ({
      ...parameterOf('path', parameter.name, properties[parameter.name] ?? {}),
      required: true,
    })),
    ...(hasQuery(method)
      ? others.map(([key, schema]) => ({
          ...parameterOf('query', key, schema),
          required: isRequired(key),
        }))
      : []),
    ...(versioned === true && method !== 'POST' ? [ifMatch] : []),
  ]
  const body = {
    type: 'object',
    properties: Object.fromEntries(others),
    required: others.map(([key]) => key).filter(isRequired),
    additionalProperties: false,
  }
  return {
    operationId: name,
    tags: [name.slice(0, name.indexOf('.'))],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(!hasQuery(method) && {
      requestBody: { required: true, content: { 'application/json': { schema: body } } },
    }),
    responses: responsesOf(operation, schemas),
  }
}

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'Only while this is its ETag; 412 otherwise',
  schema: { type: 'string' },
}

function parameterOf(place: 'path' | 'query', name: string, schema: Json): Json {
  const { description, ...rest } = schema
  return { name, in: place, schema: rest, ...(description !== undefined && { description }) }
}

function inputOf(input: z.ZodObject) {
  const schema = z.toJSONSchema(input, { io: 'input' }) as Json
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Json>>
  const withDefaults = Object.entries(properties).map(([name, property]) => {
    const field: unknown = input.shape[name]
    // Of what is read from text, zod leaves the default out.
    const isLeftOut = field instanceof z.ZodDefault && property['default'] === undefined
    return [name, isLeftOut ? { ...property, default: field.def.defaultValue } : property] as const
  })
  return {
    properties: Object.fromEntries(withDefaults),
    required: (schema['required'] ?? []) as readonly string[],
  }
}

function responsesOf(operation: Operation, schemas: Json): Json {
  const { method, status, versioned } = operation
  const problems = [400, 401, 403, 404, 429, 500, 503]
  if (!hasQuery(method)) problems.push(409, 413, 415, 422)
  if (versioned === true) problems.push(412)
  const etag = { ETag: { description: 'For If-Match', schema: { type: 'string' } } }
  return {
    [status]: {
      description: status === 204 ? 'It is done' : status === 201 ? 'It is made' : 'The answer',
      ...(versioned === true && status !== 204 && { headers: etag }),
      ...(status !== 204 && { content: contentOf(operation, schemas) }),
    },
    ...Object.fromEntries(
      problems
        .toSorted((a, b) => a - b)
        .map((each) => [each, { $ref: `#/components/responses/Problem${each}` }]),
    ),
  }
}

function contentOf({ output, streamed }: Operation, schemas: Json): Json {
  const schema = outputOf(output, schemas)
  const mediaTypes = streamed ?? ['application/json']
  return Object.fromEntries(mediaTypes.map((type) => [type, { schema }]))
}

/** Schemas with a name go to the components; what the answer is made of refers to them. */
function outputOf(output: z.ZodType, schemas: Json): unknown {
  const whole = z.toJSONSchema(z.object({ output }), {
    io: 'output',
    // Later versions may say more.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type !== 'object') return
      delete jsonSchema.additionalProperties
    },
  }) as Json
  const { output: schema } = whole['properties'] as Json
  for (const [name, definition] of Object.entries((whole['$defs'] ?? {}) as Json)) {
    schemas[name] ??= withReferences(definition)
  }
  return withReferences(schema)
}

function withReferences(schema: unknown): unknown {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')
  const copy = JSON.parse(text) as Json
  delete copy['id']
  return copy
}
