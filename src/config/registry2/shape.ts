// What types the configuration is made of: those of Go that decide how a value is read and how a variable reaches it.

export type Shape =
  | { readonly kind: 'text' }
  | { readonly kind: 'switch' }
  | { readonly kind: 'number' }
  | { readonly kind: 'duration' }
  | { readonly kind: 'any' }
  /** A text of which only some are good; `lower`: whatever its case. */
  | {
      readonly kind: 'choice'
      readonly choices: readonly string[]
      readonly what: string
      readonly lower: boolean
    }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, Field>> }
  /** A map of parameters by type, or the bare name of a type; `besides`: keys that are no types. */
  | { readonly kind: 'typed'; readonly what: string; readonly besides: readonly string[] }

export interface Field {
  readonly shape: Shape
  /** The name in variables, where it is not the key in upper case. */
  readonly env?: string
}

export const text: Shape = { kind: 'text' }
export const onOff: Shape = { kind: 'switch' }
export const number: Shape = { kind: 'number' }
export const duration: Shape = { kind: 'duration' }
export const anything: Shape = { kind: 'any' }

export const list = (of: Shape): Shape => ({ kind: 'list', of })
export const map = (of: Shape): Shape => ({ kind: 'map', of })
export const parameters: Shape = map(anything)

/** A field may be given as [shape, name in variables]. */
export function struct(
  fields: Readonly<Record<string, Shape | readonly [Shape, string]>>,
): Extract<Shape, { readonly kind: 'struct' }> {
  const entries = Object.entries(fields).map(([key, field]) => [
    key,
    'kind' in field ? { shape: field } : { shape: field[0], env: field[1] },
  ])
  return { kind: 'struct', fields: Object.fromEntries(entries) as Readonly<Record<string, Field>> }
}

export const envNameOf = (key: string, { env }: Field): string => env ?? key.toUpperCase()
