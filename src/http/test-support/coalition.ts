// People who try together to get more than they have: one who administers a part, a friend, a robot of theirs, and
// whatever they get hold of on the way.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readActions } from '../../auth/action.ts'
import { listGrants, type GrantRow } from '../../metadata/grant-rows.ts'
import { removeGrant } from '../../metadata/grants.ts'
import { deletePrincipal, findPrincipalByName } from '../../metadata/principals.ts'
import { listRepositories } from '../../metadata/repositories.ts'
import { localSource, listTeamsOf, setMember } from '../../metadata/team-members.ts'
import { deleteTeam, insertTeam } from '../../metadata/teams.ts'
import { aToken, anAccount, type Account } from './accounts.ts'
import type { Answer, TestApp } from './app.ts'
import { give } from './grants.ts'
import { rights, type Given } from './matrix-model.ts'

export interface Coalition {
  /** Ids of those who work together, and of those whose secrets they have got. */
  members(): readonly number[]
  ids(): Readonly<Record<'victim' | 'team', number>>
  /** Headers Authorization. */
  credentials(): readonly string[]
  /** `{me}` as a grant says it, `{name of me}`, `{grant 3}` (one of those that there are), `{review}`, `{tomorrow}`. */
  fill(text: string): Promise<string>
  /** What an answer holds is theirs. */
  learn(answer: Answer): Promise<void>
}

export async function coalitionOf(
  app: TestApp,
  { given, isMaintainer }: { readonly given: readonly Given[]; readonly isMaintainer: boolean },
): Promise<Coalition> {
  const round = randomBytes(4).toString('hex')
  const me = await anAccount(app, `me${round}`, { given })
  const friend = await anAccount(app, `friend${round}`)
  const victim = await anAccount(app, `victim${round}`, { given: [{ place: 'vault/', rights }] })
  const mine = await anAccount(app, `mine${round}`, { kind: 'robot', createdBy: me.id })
  // It was mine before an administrator gave it more.
  const over = await anAccount(app, `over${round}`, {
    kind: 'robot',
    createdBy: me.id,
    given: [{ place: 'vault/', rights }],
  })
  const deploy = await anAccount(app, `deploy${round}`, {
    kind: 'robot',
    given: [{ place: 'web/', rights }],
  })
  const team = await aTeam(app, `crew${round}`, isMaintainer ? me : victim)
  const scoped = await aToken(app, me, ['web/:owner', '/:admin,pull'])
  const accounts: Readonly<Record<string, Account>> = { me, friend, victim, mine, over, deploy }
  const known = new Set([me.id, friend.id])
  const credentials = [me.as, `Bearer ${scoped}`, friend.as]
  const state: { review: number; robots: number } = { review: 0, robots: 0 }

  const words: Readonly<Record<string, string>> = {
    '{everybody}': 'signed-in',
    '{crew}': `team:crew${round}`,
    '{name of crew}': `crew${round}`,
    '{tomorrow}': new Date(Date.now() + 86_400_000).toISOString(),
  }

  async function word(text: string): Promise<string> {
    const name = /^\{(?:name of )?(\w+)\}$/.exec(text)?.[1] ?? ''
    const account = accounts[name]
    if (text === '{review}') return String(state.review)
    if (text === '{new robot}') {
      state.robots += 1
      return `robot${round}-${state.robots}`
    }
    if (text.startsWith('{grant ')) {
      const grants = await listGrants(app.metadata, {}, { after: 0, limit: 500 })
      return String(grants.at(Number(text.slice(7, -1)) % grants.length)?.id ?? 0)
    }
    if (account === undefined) return words[text] ?? text
    return text.startsWith('{name of ') ? account.name : `${account.kind}:${account.name}`
  }

  return {
    members: () => [...known],
    ids: () => ({ victim: victim.id, team }),
    credentials: () => credentials,
    async fill(text) {
      let filled = text
      for (const [found] of text.matchAll(/\{[\w ]+\}/g)) {
        filled = filled.replace(found, await word(found))
      }
      return filled
    },
    async learn({ text }) {
      if (text === '') return
      const body = JSON.parse(text) as Readonly<Record<string, unknown>>
      const { secret, dueAt, id } = body
      if (typeof dueAt === 'string' && typeof id === 'number') state.review = id
      if (typeof secret !== 'string') return
      const whose = typeof body['for'] === 'string' ? body['for'].split(':')[1] : body['name']
      const owner = await findPrincipalByName(app.metadata, String(whose))
      assert.ok(owner)
      known.add(owner.id)
      credentials.push(`Bearer ${secret}`)
    },
  }
}

async function aTeam({ metadata }: TestApp, name: string, maintainer: Account): Promise<number> {
  return metadata.write(async (tx) => {
    const id = await insertTeam(tx, { name, description: '', createdBy: undefined })
    assert.ok(id)
    await give(tx, { kind: 'team', id }, { place: 'other/', rights })
    const member = { teamId: id, principalId: maintainer.id, source: localSource }
    await setMember(tx, { ...member, maintainer: true, addedBy: undefined })
    return id
  })
}

/** All that these hold together, and what everybody holds, as the database has it. */
export async function heldBy(
  { metadata }: TestApp,
  ids: readonly number[],
): Promise<readonly Given[]> {
  const names = new Set<string>()
  for (const id of ids) for (const team of await listTeamsOf(metadata, id)) names.add(team.name)
  const grants = await listGrants(metadata, {}, { after: 0, limit: 500 })
  const page = { after: '', limit: 500 }
  const range = { all: true, internal: true, ownNamespace: undefined }
  const repositories = await listRepositories(metadata, range, page)
  const isBound = ({ place, repositoryId }: GrantRow) =>
    repositoryId === undefined ||
    repositories.some(({ id, name }) => id === repositoryId && name === place)
  const isTheirs = ({ subject }: GrantRow) => {
    if (subject.kind === 'principal') return ids.includes(subject.id)
    return subject.kind === 'team' ? names.has(subject.name) : true
  }
  return grants
    .filter((grant) => isTheirs(grant) && isBound(grant))
    .filter(({ expiresAt = Infinity }) => expiresAt > Date.now())
    .map(({ place, actions }) => ({ place, rights: readActions(actions) }))
}

/** Nothing is left for the next ones. */
export async function clearCoalition(app: TestApp, coalition: Coalition): Promise<void> {
  const grants = await listGrants(app.metadata, {}, { after: 0, limit: 500 })
  await app.metadata.write(async (tx) => {
    for (const { id } of grants) await removeGrant(tx, id)
    for (const id of [...coalition.members(), coalition.ids().victim]) await deletePrincipal(tx, id)
    await deleteTeam(tx, coalition.ids().team)
  })
}
