// What the scripts of the pages send: a small JSON object of texts.
import { readAll } from '../../streams/read-all.ts'
import { HttpError } from '../http-error.ts'
import type { HttpRequest } from '../request.ts'

const maxBytes = 8192

/**
 * The texts of these names; what is not there is ''.
 *
 * @throws {HttpError} 400, 415: forms of other sites can be sent without asking, JSON cannot
 */
export async function readTexts<K extends string>(
  { headers, body }: Pick<HttpRequest, 'headers' | 'body'>,
  names: readonly K[],
): Promise<Readonly<Record<K, string>>> {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1)
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new HttpError(415, 'Send JSON with content-type: application/json.')
  }
  const bytes = await readAll(body, maxBytes)
  const value = bytes && parse(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(names)
  const given = value as Readonly<Record<string, unknown>>
  const pairs = names.map((name) => {
    const text = Object.hasOwn(given, name) ? given[name] : ''
    if (typeof text !== 'string') throw wrong(names)
    return [name, text] as const
  })
  return Object.fromEntries(pairs) as Record<K, string>
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

function wrong(names: readonly string[]): HttpError {
  const wanted = names.map((name) => `${JSON.stringify(name)}: "…"`).join(', ')
  return new HttpError(400, `Send JSON of at most 8 KiB: {${wanted}}.`)
}
