// The words in which access is explained.
import type { Action } from '../auth/authorize.ts'
import { isExpired } from '../auth/held-grant.ts'
import type { GrantRow, GrantSubject } from '../metadata/grant-rows.ts'
import type { Grant } from './grant-view.ts'

/** As a part of a sentence. */
export function nameOfHolder(subject: GrantSubject): string {
  switch (subject.kind) {
    case 'principal':
      return subject.name
    case 'team':
      return `members of the team ${subject.name}`
    case 'signed-in':
      return 'whoever is signed in'
    case 'anonymous':
      return 'anybody'
  }
}

const phrases: Readonly<Record<Action, string>> = {
  pull: 'pull from',
  push: 'push to',
  overwrite: 'move existing tags in',
  delete: 'delete from',
  decide: 'decide about findings in',
  admin: 'administer',
  create: 'create',
}

export function phraseOf(action: Action, name: string): string {
  return `${phrases[action]} ${name}`
}

/** What a grant gives, and how it comes to whoever is asked about. */
export function sentenceOfGrant(
  asked: GrantSubject,
  { row, grant, now }: { readonly row: GrantRow; readonly grant: Grant; readonly now: number },
): string {
  const what = grant.role ?? grant.actions.join(', ')
  const given = `${what} on ${grant.where} (grant ${grant.id})`
  if (isExpired(row, now)) return `${holderOf(asked, row)} had ${given}, which has expired.`
  return `${holderOf(asked, row)} ${isSeveral(row) ? 'have' : 'has'} ${given}.`
}

function holderOf(asked: GrantSubject, { subject }: GrantRow): string {
  const name = nameOfHolder(subject)
  const isVia = asked.kind === 'principal' && subject.kind === 'team'
  return isVia ? `${name}, such as ${asked.name},` : name
}

function isSeveral({ subject }: GrantRow): boolean {
  return subject.kind === 'team'
}

/** As a word of a shell, which the names of some users are not. */
export function quoted(word: string): string {
  return /^[\w:.@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
