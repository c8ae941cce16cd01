// http.headers: what is sent with every answer.
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { isTree, type Value } from './decode.ts'
import { at, nameAt, type Reading } from './section.ts'

/** These say how an answer is to be read, and only the answer knows that. */
const ofTheAnswer = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function readHeaders(reading: Reading): Readonly<Record<string, readonly string[]>> {
  const headers = at(reading, 'http.headers')
  if (!isTree(headers)) return {}
  const found: Record<string, readonly string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    const values = Array.isArray(value) ? (value as readonly Value[]).map(String) : []
    const who = nameAt(reading, `http.headers.${name}`)
    const key = name.toLowerCase()
    if (ofTheAnswer.has(key)) {
      reading.warn(`${who}: ignored: ${name} is a matter of each answer`)
    } else if (!isGood(name, values)) {
      reading.problem(`${who}: is no header that can be sent`)
    } else if (values.length > 0) {
      found[key] = [...(found[key] ?? []), ...values]
    }
  }
  return found
}

function isGood(name: string, values: readonly string[]): boolean {
  try {
    validateHeaderName(name)
    for (const value of values) validateHeaderValue(name, value)
    return name.toLowerCase() !== '__proto__'
  } catch {
    return false
  }
}
