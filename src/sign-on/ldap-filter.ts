// Search filters (RFC 4515) made of a template of the configuration and values from outside. Values are
// escaped, so that none can be read as syntax: ldap-filter.test.ts parses what comes out.
import { AndFilter, EqualityFilter, FilterParser } from 'ldapts'
import type { Filter } from 'ldapts'

export type Placeholder = 'name' | 'dn'

export interface TemplateRules {
  readonly allowed: readonly Placeholder[]
  readonly required: readonly Placeholder[]
}

/** Templates may be written over several lines; the parser knows no white space between parts. */
export function compactFilter(template: string): string {
  return template.trim().replaceAll(/(\)|\([&|!])\s+/g, '$1')
}

/** Why the template cannot be used, as the end of a sentence, or `undefined`. */
export function filterProblem(template: string, rules: TemplateRules): string | undefined {
  const text = compactFilter(template)
  const known: readonly string[] = rules.allowed.map((name) => `{${name}}`)
  const used: readonly string[] = text.match(/\{[^{}]*\}/g) ?? []
  const strange = used.find((placeholder) => !known.includes(placeholder))
  if (strange !== undefined) return `knows ${known.join(' and ')}, not ${strange}`
  if (!rules.required.some((name) => used.includes(`{${name}}`))) {
    return `must hold ${rules.required.map((name) => `{${name}}`).join(' or ')}`
  }
  // Behind other operators a wildcard is an ordinary character, so `anyName` would find nobody.
  const plain = text.match(/\([\w-]+=[^()*]*\{name\}[^()]*(?=\))/g) ?? []
  if (plain.length !== used.filter((placeholder) => placeholder === '{name}').length) {
    return 'must have {name} once behind a plain =, such as (uid={name})'
  }
  // The parser would take such a byte for a character of its own.
  if (/\\[89a-f][\da-f]/i.test(text))
    return 'must have letters beyond ASCII as they are, not as \\XX'
  return isFilter(text) ? undefined : `is not a search filter such as ${example}`
}

/** A filter with each placeholder replaced by its value, escaped. */
export function fillFilter(
  template: string,
  values: Readonly<Partial<Record<Placeholder, string>>>,
): Filter {
  const text = compactFilter(template).replaceAll(/\{(name|dn)\}/g, (_, key: Placeholder) =>
    escapeFilterValue(values[key] ?? ''),
  )
  return FilterParser.parseString(text)
}

/** The entry with this subject, as long as the template would find it under some name. */
export function subjectFilter(
  attribute: string,
  subject: string | Buffer,
  template: string,
): Filter {
  const anyName = FilterParser.parseString(compactFilter(template).replaceAll('{name}', '*'))
  return new AndFilter({ filters: [new EqualityFilter({ attribute, value: subject }), anyName] })
}

const example = '(&(objectClass=person)(uid={name}))'

function isFilter(text: string): boolean {
  const opened = text.split('(').length
  if (!text.startsWith('(') || opened !== text.split(')').length) return false
  try {
    FilterParser.parseString(text)
    return true
  } catch {
    // Its messages repeat the filter and explain nothing.
    return false
  }
}

/** RFC 4515 section 3. */
function escapeFilterValue(value: string): string {
  return value.replaceAll(special, (character) => {
    return `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

const special = /[\\*()\0]/g
