// The input of an operation from a request: path, query or JSON body, checked against the operation's schema. What it
// does not know is refused by name, so that nobody believes that a field was taken which was not.
import type { z } from 'zod'
import { hasQuery, type Method, type Operation } from '../../contract/operation.ts'
import type { FieldProblem } from '../../contract/problem.ts'
import { JsonError, parseStrictJson } from '../../oci/strict-json.ts'
import { readAll } from '../../streams/read-all.ts'
import type { HttpRequest } from '../request.ts'
import { invalidInput, ProblemError } from './problem-error.ts'
import { findRepeatedKey } from './repeated-key.ts'

const maxBodyBytes = 256 * 1024
const mostErrors = 20

/** @throws {ProblemError} for whatever is wrong with it */
export async function readInput(
  operation: Operation,
  parameters: Readonly<Record<string, string>>,
  request: HttpRequest,
): Promise<unknown> {
  const given = await fieldsOf(operation.method, request)
  const errors: FieldProblem[] = []
  // What the path says is said there alone.
  for (const name of Object.keys(parameters)) {
    if (Object.hasOwn(given, name)) errors.push(unknownField(operation, [name]))
  }
  const known = Object.keys(operation.input.shape)
  const result = operation.input.safeParse({ ...pick(given, known), ...parameters })
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) errors.push(unknownField(operation, [name]))
  }
  if (!result.success) {
    for (const issue of result.error.issues) errors.push(...problemsOf(operation, issue))
  }
  if (errors.length > 0) throw invalidInput(errors.slice(0, mostErrors))
  return result.data
}

/** Only known names are copied: a key such as `__proto__` is never set on anything. */
function pick(given: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(given, name)).map((name) => [name, given[name]]),
  )
}

async function fieldsOf(
  method: Method,
  request: HttpRequest,
): Promise<Readonly<Record<string, unknown>>> {
  return hasQuery(method) ? fieldsOfQuery(request.query) : fieldsOfBody(request)
}

function fieldsOfQuery(query: URLSearchParams): Readonly<Record<string, unknown>> {
  const fields = Object.create(null) as Record<string, unknown>
  for (const [name, value] of query) {
    if (Object.hasOwn(fields, name)) throw repeated(name)
    fields[name] = value
  }
  return fields
}

async function fieldsOfBody({ headers, body }: HttpRequest) {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  // Pages of other sites can make a browser send forms, but not this.
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new ProblemError(
      'unsupported-media-type',
      'Send JSON with content-type: application/json; {} where there is nothing to say.',
    )
  }
  const bytes = await readAll(body, maxBodyBytes)
  if (bytes === undefined) {
    throw new ProblemError('too-large', 'The body is larger than 256 KiB.')
  }
  const value = parseJson(bytes)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw new ProblemError('bad-request', 'The body must be a JSON object.')
}

function parseJson(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    // It is well-formed when only its keys were complained of.
    const key = error.cause === undefined ? repeatedKeyOf(bytes) : undefined
    if (key !== undefined) throw repeated(key)
    throw new ProblemError(
      'bad-request',
      `The body is not JSON that is taken here. ${error.message}`,
    )
  }
}

function repeatedKeyOf(bytes: Buffer): string | undefined {
  try {
    return findRepeatedKey(bytes.toString('utf8'))
  } catch {
    // No JSON at all: the complaint that there is already says so.
    return undefined
  }
}

function repeated(name: string): ProblemError {
  return invalidInput([{ path: shown([name]), message: 'It is there twice; give it once.' }])
}

function problemsOf(operation: Operation, issue: z.core.$ZodIssue): readonly FieldProblem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownField(operation, [...path, key]))
  }
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  return [
    {
      path: shown(path),
      message: isMissing ? 'It is missing.' : `${issue.message}.`.replace(/\.\.$/, '.'),
    },
  ]
}

function unknownField({ input, path, method }: Operation, at: readonly string[]): FieldProblem {
  const name = at.at(-1) ?? ''
  const inPath = path.includes(`{${name}}`) || path.includes(`{${name}...}`)
  if (at.length === 1 && inPath) {
    return { path: shown(at), message: 'It stands in the path, and nowhere else.' }
  }
  const names = Object.keys(input.shape).filter((known) => !path.includes(`{${known}`))
  const where = hasQuery(method) ? 'query' : 'body'
  const message =
    names.length === 0
      ? `There is no such field: the ${where} has none here.`
      : `There is no such field. Known are: ${names.join(', ')}.`
  return { path: shown(at), message: at.length === 1 ? message : 'There is no such field.' }
}

function shown(path: readonly string[]): string {
  return path.join('.').slice(0, 200)
}
