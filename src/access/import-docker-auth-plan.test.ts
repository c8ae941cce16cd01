// Against docker_auth's own rule, written down here once more: the first entry that matches decides alone
// (auth_server/authz/acl.go, Authorize and matchString).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GrantedAction } from '../auth/action.ts'
import { nameTest } from '../auth/place.ts'
import type { DockerAuthEntry, DockerAuthFile } from './import-docker-auth-file.ts'
import { readAccount, readName, readType } from './import-docker-auth-patterns.ts'
import { planEntries, type PlannedEntry } from './import-docker-auth-plan.ts'

const users = ['ann', 'bob']
const names = ['app', 'ann/app', 'ann/a/b', 'bob/app', 'web/app', 'web/a/b', 'web', 'web-x/app']

function entry(fields: Partial<DockerAuthEntry>, index: number): DockerAuthEntry {
  const nothing = { account: undefined, type: undefined, name: undefined }
  return {
    ...nothing,
    conditions: [],
    actions: ['pull'],
    comment: '',
    ...fields,
    number: index + 1,
  }
}

function fileOf(acl: readonly Partial<DockerAuthEntry>[], anonymous = true): DockerAuthFile {
  return { users: [], anonymous, acl: acl.map(entry), otherUsers: [], otherRules: [] }
}

/** Go's path.Match and regexp, for what the tests write. */
function matches(pattern: string | undefined, text: string, account: string): boolean {
  if (pattern === undefined) return true
  const quoted = account.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&')
  const filled = pattern.replaceAll('${account}', () => quoted)
  if (filled.length > 2 && filled.startsWith('/') && filled.endsWith('/')) {
    return new RegExp(filled.slice(1, -1)).test(text)
  }
  const source = filled.replaceAll(/\\(.)|[.+()|{}^$]|\*+|\?/g, (found) => {
    if (found.startsWith('\\')) return found
    if (found.startsWith('*')) return '[^/]*'
    return found === '?' ? '[^/]' : `\\${found}`
  })
  return new RegExp(`^${source}$`).test(text)
}

function dockerAuthAllows(
  { acl, anonymous }: DockerAuthFile,
  asked: { readonly account: string; readonly name: string; readonly action: string },
): boolean {
  const { account, name, action } = asked
  if (account === '' && !anonymous) return false
  const first = acl.find(
    (each) =>
      each.conditions.length === 0 &&
      matches(each.account, account, account) &&
      matches(each.type, 'repository', account) &&
      matches(each.name, name, account),
  )
  if (first === undefined) return false
  return first.actions.join(',') === '*' || first.actions.includes(action)
}

function grantsAllow(
  plan: readonly PlannedEntry[],
  asked: { readonly account: string; readonly name: string; readonly action: GrantedAction },
): boolean {
  const { account, name, action } = asked
  return plan.some(({ grants }) =>
    grants.some(({ subject, place, actions }) => {
      const isHis =
        subject.kind === 'anonymous' ||
        (account !== '' && (subject.kind === 'signed-in' || subject.name === account))
      return isHis && nameTest(place)(name) && actions.includes(action)
    }),
  )
}

const account = fc.constantFrom(
  undefined,
  '',
  'ann',
  'bob',
  '/.+/',
  '/.*/',
  '*',
  '/^(ann|bob)$/',
  '/^ann$/',
  '/ann/',
  'a*',
)
const name = fc.constantFrom(
  undefined,
  'app',
  'web/app',
  '*',
  '**',
  'web/*',
  'we?/app',
  'web*/app',
  '${account}/*',
  '/^web\\/.+$/',
  '/^(web|app)$/',
  '/web/',
  '/^web/',
  '/^[^/]+$/',
  '/^.+/app$/',
  '[a-w]eb/app',
)
const actions = fc.constantFrom<readonly string[]>([], ['pull'], ['pull', 'push'], ['*'], ['push'])
const acl = fc.array(fc.record({ account, name, actions }), { minLength: 1, maxLength: 4 })

const requests = ['', ...users].flatMap((who) =>
  names.flatMap((repository) =>
    (['pull', 'push', 'delete'] as const).map((action) => {
      return { account: who, name: repository, action }
    }),
  ),
)

test('grants of an import never allow what docker_auth refuses to the same account or to nobody', () => {
  fc.assert(
    fc.property(acl, fc.boolean(), (entries, anonymous) => {
      const file = fileOf(entries, anonymous)
      const plan = planEntries(file, (user) => users.includes(user))
      for (const asked of requests) {
        if (!grantsAllow(plan, asked)) continue
        const isAllowed =
          dockerAuthAllows(file, asked) || dockerAuthAllows(file, { ...asked, account: '' })
        assert.ok(isAllowed, JSON.stringify({ asked, entries, plan }))
      }
    }),
    { numRuns: 500 },
  )
})

test('when every entry is translated, grants allow all that docker_auth allows', () => {
  let whole = 0
  fc.assert(
    fc.property(acl, fc.boolean(), (entries, anonymous) => {
      const file = fileOf(entries, anonymous)
      const plan = planEntries(file, (user) => users.includes(user))
      if (plan.some(({ outcome }) => outcome === 'untranslatable')) return
      whole += 1
      for (const asked of requests) {
        const isOwn = asked.name.startsWith(`${asked.account}/`)
        if (!dockerAuthAllows(file, asked) || isOwn) continue
        assert.ok(grantsAllow(plan, asked), JSON.stringify({ asked, entries, plan }))
      }
    }),
    { numRuns: 500 },
  )
  assert.ok(whole > 50, `only ${whole} of the lists were whole`)
})

const accounts: readonly (readonly [pattern: string | undefined, who: string])[] = [
  [undefined, 'anybody'],
  ['', 'anonymous'],
  ['ann', 'users ann'],
  ['a\\.b', 'users a.b'],
  ['/.+/', 'signed-in'],
  ['/^.+$/', 'signed-in'],
  ['/.*/', 'anybody'],
  ['*', 'anybody'],
  ['/^(ann|bob)$/', 'users ann,bob'],
  ['/^ann$|^bob$/', 'users ann,bob'],
  ['/ann|bob/', 'unclear'],
  ['/^$|^ann$/', 'unclear'],
  ['/^\\.\\+$/', 'users .+'],
  ['?', 'unclear'],
  ['/^(.+)@test.com$/', 'unclear'],
  ['/(?i)ann/', 'unclear'],
  ['/an{2}/', 'unclear'],
  ['[ab]', 'unclear'],
  ['${account}', 'unclear'],
]

for (const [pattern, expected] of accounts) {
  test(`the account ${pattern === undefined ? 'left out' : JSON.stringify(pattern)} is ${expected}`, () => {
    const who = readAccount(pattern)
    assert.equal(who.kind === 'users' ? `users ${who.names.join(',')}` : who.kind, expected)
  })
}

const places: readonly (readonly [pattern: string | undefined, where: string])[] = [
  [undefined, '*'],
  ['*', '/'],
  ['**', '/'],
  ['web/*', 'web/*'],
  ['web/**', 'web/*'],
  ['web/app', 'web/app'],
  ['Web/app', ''],
  ['web/', ''],
  ['/', ''],
  ['/.*/', '*'],
  ['/^.+$/', '*'],
  ['/^web\\/.*$/', 'web/'],
  ['/^web//', 'web/'],
  ['/^web/.+$/', 'web/'],
  ['/^a/b/.+$/', 'a/b/**'],
  ['/^(web|api)/.*/', 'web/ api/'],
  ['/^[^/]+$/', '/'],
  ['/^web/[^/]+$/', 'web/*'],
  ['/^[^/]*-dev$/', '*-dev'],
  ['/^x[^/]+$/', 'x?*'],
  ['/web/', '**web**'],
  ['/foo$/', '**foo'],
  ['/^web.+$/', 'unclear'],
  ['/^we.$/', 'unclear'],
  ['/^[a-z]+$/', 'unclear'],
  ['[a-z]*', 'unclear'],
  ['${account}/*', 'own'],
  ['${account}', 'unclear'],
  ['${labels:group}/*', 'unclear'],
]

for (const [pattern, expected] of places) {
  test(`the name ${pattern === undefined ? 'left out' : JSON.stringify(pattern)} is ${expected}`, () => {
    const where = readName(pattern, undefined)
    const told =
      where.kind === 'places' ? where.places.map(({ text }) => text).join(' ') : where.kind
    assert.equal(told, expected)
  })
}

test('of a named account, ${account} is the name', () => {
  assert.deepEqual(readName('${account}-x/*', 'a.b-c'), {
    kind: 'places',
    places: [{ kind: 'glob', text: 'a.b-c-x/*' }],
  })
  assert.deepEqual(readName('/^${account}\\/.+$/', 'ann'), {
    kind: 'places',
    places: [{ kind: 'namespace', text: 'ann/' }],
  })
})

test('a type holds for repositories, for their list, or for neither', () => {
  assert.deepEqual(readType(undefined), { repository: true, registry: true })
  assert.deepEqual(readType('registry'), { repository: false, registry: true })
  assert.deepEqual(readType('r*'), { repository: true, registry: true })
  assert.deepEqual(readType('/^repo/'), { repository: true, registry: false })
  assert.deepEqual(readType('plugin'), { repository: false, registry: false })
  assert.equal(readType('[r]egistry'), undefined)
})

function outcomes(acl: readonly Partial<DockerAuthEntry>[], anonymous = true): readonly string[] {
  const plan = planEntries(fileOf(acl, anonymous), (user) => users.includes(user))
  return plan.map(({ outcome, grants, reason }) =>
    outcome === 'grants'
      ? grants
          .map(({ subject, place, actions: given }) => {
            const who = subject.kind === 'user' ? subject.name : subject.kind
            return `${who} ${place.text} ${given.join(',')}`
          })
          .join('; ')
      : `${outcome}: ${reason}`,
  )
}

test('a deny that comes first makes what overlaps it untranslatable, and nothing else', () => {
  const told = outcomes([
    { account: 'ann', name: 'web/*', actions: [] },
    { account: '/.+/', name: 'web/app', actions: ['pull'] },
    { account: '/.+/', name: 'api/app', actions: ['pull'] },
    { account: 'bob', name: 'web/app', actions: ['pull', 'push'] },
  ])
  assert.match(told[0] ?? '', /^nothing: Nothing is given/)
  assert.match(told[1] ?? '', /^untranslatable: Entry 1 comes first for some of the same/)
  assert.equal(told[2], 'signed-in api/app pull')
  assert.match(told[3] ?? '', /^nothing: Entry 2 comes first/)
})

test('an entry that an earlier one covers is never reached', () => {
  const told = outcomes([
    { account: '/.+/', actions: ['pull'] },
    { account: 'ann', name: 'web/*', actions: ['*'] },
    { account: '', name: 'web/app', actions: ['pull'] },
  ])
  assert.equal(told[0], 'signed-in * pull')
  assert.match(told[1] ?? '', /^nothing: Entry 1 comes first for all/)
  assert.equal(told[2], 'anonymous web/app pull')
})

test('without an anonymous account, whoever is not named must have signed in', () => {
  const told = outcomes([{ account: '' }, { name: 'web/app' }], false)
  assert.match(told[0] ?? '', /^nothing: No account can be asking/)
  assert.equal(told[1], 'signed-in web/app pull')
  assert.equal(outcomes([{ name: 'web/app' }])[0], 'anonymous web/app pull')
})

test('nobody without a name is given more than pull, and unknown actions are not guessed', () => {
  const told = outcomes([
    { account: '', name: 'a/app', actions: ['*'] },
    { account: 'ann', name: 'b/app', actions: ['pull', 'sign'] },
    { account: 'ann', name: 'c/app', actions: ['*', 'pull'] },
  ])
  assert.match(told[0] ?? '', /untranslatable: Carrel lets nobody without a name/)
  assert.match(told[1] ?? '', /untranslatable: The action "sign"/)
  assert.match(told[2] ?? '', /untranslatable: The action "\*"/)
})

test('what a user owns anyway needs no grant, and cannot be narrowed', () => {
  const told = outcomes([
    { account: 'ann', name: 'ann/*', actions: ['*'] },
    { account: 'bob', name: 'bob/app', actions: ['pull'] },
    { account: '/.+/', name: '${account}/*', actions: ['pull', 'push'] },
  ])
  assert.match(told[0] ?? '', /^nothing: Every user owns/)
  assert.match(told[1] ?? '', /^untranslatable: In Carrel every user owns/)
  assert.match(told[2] ?? '', /^untranslatable: In Carrel every user owns/)
})
