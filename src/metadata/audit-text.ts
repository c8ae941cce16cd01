// Texts of the audit log as they are kept: cut to length, and without what could break a line, turn it around, or be
// refused by a database. Clients can fill them.

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

// Guarded by 'texts that clients can fill are cut' in suite-cases/audit.ts. PostgreSQL indexes no text that is much
// longer.
const longestName = 256
const longestSubject = 512
const longestAddress = 128
const largestDetail = 8 * 1024

/** What ends a line for some program, turns its direction, or is no text at all. */
const unsafe = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu
/** Those of them that JSON leaves as they are. */
const unsafeInJson = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

export function cleanName(text: string): string {
  return clean(text, longestName)
}

export function cleanSubject(text: string): string {
  return clean(text, longestSubject)
}

export function cleanAddress(text: string): string {
  return clean(text, longestAddress)
}

function clean(text: string, longest: number): string {
  return cut(text, longest).replace(unsafe, '\ufffd')
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

/** JSON on one line. What was read from it becomes the same text again. */
export function auditJson(
  value: unknown,
  replacer?: (name: string, value: unknown) => unknown,
): string {
  return JSON.stringify(value, replacer).replace(
    unsafeInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** As JSON: whole when it is small, else with its long texts cut, else what it begins with. */
export function fittingDetail(detail: Readonly<Record<string, JsonValue | undefined>>): string {
  const whole = auditJson(detail)
  if (fits(whole)) return whole
  const shorter = auditJson(detail, (_, value) =>
    typeof value === 'string' ? cut(value, 256) : value,
  )
  if (fits(shorter)) return shorter
  return auditJson({ cut: `${whole.length} characters`, begin: cut(whole, 1024) })
}

function fits(text: string): boolean {
  return text.length * 3 <= largestDetail || Buffer.byteLength(text) <= largestDetail
}
