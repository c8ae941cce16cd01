// Reads the fields of a parsed manifest: image-spec v1.1 descriptor.md and annotations.md.
// Every refusal is MANIFEST_INVALID and names the field.

import type { Descriptor } from './descriptor.ts'
import { isDigest } from './digest.ts'
import { OciError } from './errors.ts'
import { quoted } from './quoted.ts'

export type JsonObject = Readonly<Record<string, unknown>>
export type Annotations = Readonly<Record<string, string>>

/** Where in the manifest something is: `config`, or `layers` with an index. */
export interface Place {
  readonly field: string
  readonly index?: number
}

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

export function manifestInvalid(message: string, cause?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', { message, cause })
}

export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** A list of objects; Go writes an empty list as `null`. */
export function readList(object: JsonObject, field: string): readonly unknown[] {
  const value = object[field]
  if (!isPresent(value)) return []
  if (Array.isArray(value)) return value
  throw manifestInvalid(`The manifest's ${field} must be a list.`)
}

/** A string that is not empty; `undefined` when it is missing, null or empty. */
export function readText(object: JsonObject, field: string, place?: Place): string | undefined {
  const value = object[field]
  if (!isPresent(value) || value === '') return undefined
  if (typeof value === 'string' && !unfit.test(value) && value.isWellFormed()) return value
  const where = place === undefined ? '' : `${describe(place)}.`
  throw manifestInvalid(
    `The manifest's ${where}${field} must be a string without control characters.`,
  )
}

/** @throws {OciError} MANIFEST_INVALID when it is not a descriptor of content that can be held */
export function readDescriptor(value: unknown, place: Place): Descriptor {
  const object = readObject(value, place)
  refuseLookalikes(object, descriptorFields)
  const mediaType = readText(object, 'mediaType', place)
  if (mediaType === undefined) {
    throw manifestInvalid(`The manifest's ${describe(place)} has no mediaType.`)
  }
  const { digest, size } = object
  if (typeof digest !== 'string') {
    throw manifestInvalid(`The manifest's ${describe(place)} has no digest.`)
  }
  if (!isDigest(digest)) {
    throw manifestInvalid(
      `The digest of the manifest's ${describe(place)}, ${quoted(digest)}, is malformed or of an ` +
        'algorithm that this registry does not support. Use sha256 or sha512.',
    )
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw manifestInvalid(
      `The size of the manifest's ${describe(place)} must be a whole number of bytes, ` +
        'and not negative.',
    )
  }
  readAnnotations(object, place)
  return { mediaType, digest, size: size as number }
}

/** The annotations of a manifest or of a descriptor in it; none is `{}`. */
export function readAnnotations(object: JsonObject, place?: Place): Annotations {
  const value = object['annotations']
  if (!isPresent(value)) return noAnnotations
  const where = place === undefined ? '' : `${describe(place)}.`
  const annotations = readObject(value, { field: `${where}annotations` })
  for (const [key, text] of Object.entries(annotations)) {
    if (typeof text !== 'string') {
      throw manifestInvalid(
        `The manifest's ${where}annotations must be strings, and ${quoted(key)} is not.`,
      )
    }
    if (!isStorable(key) || !isStorable(text)) {
      throw manifestInvalid(
        `The manifest's ${where}annotation ${quoted(key)} has a character that is no text.`,
      )
    }
  }
  return annotations as Annotations
}

/** `undefined` when it is missing, or says neither the system nor the architecture. */
export function readPlatform(object: JsonObject, place: Place): Platform | undefined {
  const value = object['platform']
  if (!isPresent(value)) return undefined
  const within: Place = { field: `${describe(place)}.platform` }
  const platform = readObject(value, within)
  refuseLookalikes(platform, platformFields)
  const os = readText(platform, 'os', within) ?? ''
  const architecture = readText(platform, 'architecture', within) ?? ''
  const variant = readText(platform, 'variant', within)
  if (os === '' && architecture === '') return undefined
  return variant === undefined ? { os, architecture } : { os, architecture, variant }
}

/**
 * Refuses `Layers` beside or instead of `layers`. Clients in Go read field names without regard to
 * case: they would see layers that this registry did not check.
 */
export function refuseLookalikes(object: JsonObject, fields: ReadonlySet<string>): void {
  for (const key of Object.keys(object)) {
    if (fields.has(key)) continue
    // Both steps, as Go also takes the long s and the Kelvin sign for s and k.
    const folded = key.toLowerCase().toUpperCase()
    for (const field of fields) {
      if (field.length === folded.length && field.toUpperCase() === folded) {
        throw manifestInvalid(
          `The manifest has the field ${quoted(key)}, which some clients take for "${field}". ` +
            'Write it as the specification does.',
        )
      }
    }
  }
}

const descriptorFields: ReadonlySet<string> = new Set([
  'mediaType',
  'digest',
  'size',
  'urls',
  'annotations',
  'data',
  'artifactType',
  'platform',
])
const platformFields: ReadonlySet<string> = new Set(['os', 'architecture', 'variant'])

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const unfit = /[\u0000-\u001f\u007f]/
const noAnnotations: Annotations = Object.freeze({})

function readObject(value: unknown, place: Place): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject
  }
  throw manifestInvalid(`The manifest's ${describe(place)} must be an object.`)
}

function describe({ field, index }: Place): string {
  return index === undefined ? field : `${field}[${index}]`
}

/** PostgreSQL has no place for NUL, nor UTF-8 for half a surrogate pair. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
