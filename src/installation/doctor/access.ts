// Too much access: rights that nobody uses, and rights of those who may not sign in.
import { reviewAccess, type ReviewedRight } from '../../access/review.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { ok, warning, type Check } from './check.ts'

/** Of a large installation the first ones are looked at. */
const mostLookedAt = 20_000

export async function checkAccess(metadata: MetadataStore): Promise<Check> {
  const name = 'access'
  const review = 'carrel access review'
  const found = { rights: 0, administrators: 0, unused: 0, broad: 0, disabled: 0 }
  for await (const right of reviewAccess({ metadata })) {
    found.rights += 1
    if (right.kind === 'administrator') found.administrators += 1
    if (right.kind !== 'visibility') count(found, right)
    if (found.rights === mostLookedAt) break
  }
  const words: string[] = []
  if (found.unused > 0) words.push(`${found.unused} were not used for 90 days`)
  if (found.broad > 0) words.push(`${found.broad} allow more than was ever used`)
  if (found.disabled > 0) words.push(`${found.disabled} are of accounts that may not sign in`)
  if (words.length > 0) {
    const message = `Of ${many(found.rights, 'right')} ${words.join(', ')}.`
    return warning(name, message, found.unused > 0 ? `${review} --unused 90d` : review)
  }
  const administrators = many(found.administrators, 'administrator')
  return ok(name, `${many(found.rights, 'right')}, ${administrators}; all in use or young`)
}

function many(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

function count(
  found: { unused: number; broad: number; disabled: number },
  { flags }: ReviewedRight,
): void {
  if (flags.includes('unused')) found.unused += 1
  if (flags.includes('broader-than-used')) found.broad += 1
  if (flags.includes('disabled-holder')) found.disabled += 1
}
