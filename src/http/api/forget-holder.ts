// What was given to somebody, or taken away, holds at once on this node: what it remembers of the holder is forgotten.
// Other nodes hear of it within seconds, and so does everybody where the holder is everybody.
import { parseSubject } from '../../access/subjects.ts'
import { findPrincipalByName } from '../../metadata/principals.ts'
import { listMembers } from '../../metadata/team-members.ts'
import { findTeam } from '../../metadata/teams.ts'
import type { ApiDeps } from './handler.ts'

const membersAtOnce = 500
const mostMembers = 5000

/** `who` as in `user:ann`, `team:web`. */
export async function forgetHolder(deps: ApiDeps, who: string): Promise<void> {
  const subject = parseSubject(who)
  if (subject === undefined || !('name' in subject)) return
  if (subject.kind === 'team') {
    for (const id of await membersOfTeam(deps, subject.name)) deps.forgetPrincipal(id)
    return
  }
  await forgetPrincipalNamed(deps, subject.name)
}

export async function forgetPrincipalNamed(deps: ApiDeps, name: string): Promise<void> {
  const principal = await findPrincipalByName(deps.metadata, name)
  if (principal !== undefined) deps.forgetPrincipal(principal.id)
}

export async function membersOfTeam(
  { metadata }: ApiDeps,
  name: string,
): Promise<readonly number[]> {
  const team = await findTeam(metadata, name)
  const ids: number[] = []
  for (let after = 0; team !== undefined && ids.length < mostMembers;) {
    const page = await listMembers(metadata, team.id, { after, limit: membersAtOnce })
    ids.push(...page.map(({ id }) => id))
    const last = page.at(-1)
    if (last === undefined || page.length < membersAtOnce) break
    after = last.id
  }
  return ids
}
