// Names, places and grants for property tests: of few characters, so that they often meet.
import fc from 'fast-check'
import type { RepositoryName } from '../../oci/reference.ts'
import { actions } from '../action.ts'
import { holdGrants, type GrantRecord, type HeldGrant } from '../held-grant.ts'
import { parsePlace, type Place } from '../place.ts'

const component = fc.stringMatching(/^[ab]{1,2}(?:[._-][ab])?$/)

export const repositoryName: fc.Arbitrary<RepositoryName> = fc
  .array(component, { minLength: 1, maxLength: 3 })
  .map((components) => components.join('/') as RepositoryName)

const globText = fc
  .array(fc.constantFrom('a', 'b', '-', '.', '/', '*', '**', '?', 'a/', '*/'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join(''))
  .filter((text) => /[*?]/.test(text) && text !== '*' && text !== '**' && isPlace(text))

function isPlace(text: string): boolean {
  try {
    parsePlace(text)
    return true
  } catch {
    return false
  }
}

export const place: fc.Arbitrary<Place> = fc
  .oneof(
    fc.constant('*'),
    fc.constant('/'),
    component.map((name) => `${name}/`),
    repositoryName,
    globText,
    globText,
  )
  .map(parsePlace)

/** What a place means, in a few words of JavaScript. */
export function isIn({ kind, text }: Place, name: string): boolean {
  switch (kind) {
    case 'installation':
      return true
    case 'root':
      return name.split('/').length === 1
    case 'namespace':
      return name.split('/').length > 1 && `${name.split('/')[0]}/` === text
    case 'repository':
      return name === text
    case 'glob':
      return asExpression(text).test(name)
  }
}

function asExpression(glob: string): RegExp {
  const source = glob.replaceAll(/\*\*|\*|\?|[^\w/]/g, (part) => {
    if (part === '**') return '.*'
    if (part === '*') return '[^/]*'
    return part === '?' ? '[^/]' : `\\${part}`
  })
  return new RegExp(`^${source}$`)
}

/** Times around now, which is 1000. */
export const now = 1000

export const grantRecord: fc.Arbitrary<Omit<GrantRecord, 'id'>> = fc.record({
  place,
  repositoryId: fc.constantFrom(undefined, undefined, 1, 2),
  actions: fc.subarray([...actions]),
  expiresAt: fc.constantFrom(undefined, undefined, now - 1, now, now + 1),
})

/** Only grants on repositories are bound to one. */
export const grants: fc.Arbitrary<readonly HeldGrant[]> = fc
  .array(grantRecord, { maxLength: 6 })
  .map((records) =>
    holdGrants(
      records.map((record, index) => ({
        ...record,
        id: index + 1,
        repositoryId: record.place.kind === 'repository' ? record.repositoryId : undefined,
      })),
    ),
  )

export const asked = fc.record({ name: repositoryName, id: fc.constantFrom(undefined, 1, 2) })

/** Any word, and words that are nearly names. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/', '.', ':', ',', ' '), maxLength: 12 }),
  repositoryName,
)
