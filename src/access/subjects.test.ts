import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { insertPrincipal } from '../metadata/principals.ts'
import { insertTeam } from '../metadata/teams.ts'
import { findSubject, formatSubject, isNear, parseSubject } from './subjects.ts'
import { addUser, openWorld, refusal, type World } from './test-support/world.ts'

async function aWorldOfAll(): Promise<World> {
  const world = await openWorld()
  await addUser(world, 'ann')
  await addUser(world, 'annabel.lee')
  await addUser(world, 'a:b c')
  await world.metadata.write(async (tx) => {
    await insertPrincipal(tx, { name: 'ci', provider: 'robot', kind: 'robot' })
    await insertPrincipal(tx, { name: 'gh-main', provider: 'federation', kind: 'federated' })
    await insertTeam(tx, { name: 'web', description: '', createdBy: undefined })
    await insertTeam(tx, { name: 'my_team', description: '', createdBy: undefined })
  })
  return world
}

function fixOf(fix: string | undefined) {
  return (error: unknown): boolean => (error as { fix?: string }).fix === fix
}

suite('who a grant is for', () => {
  test('each kind is found as it is written, and written as it is found', async () => {
    await using world = await aWorldOfAll()
    const all = [
      'user:ann',
      'user:a:b c',
      'robot:ci',
      'federated:gh-main',
      'team:web',
      'signed-in',
      'anonymous',
    ]
    for (const who of all) {
      const subject = await findSubject(world.metadata, who)
      assert.equal(formatSubject(subject), who)
    }
    const ci = await findSubject(world.metadata, 'robot:ci')
    assert.deepEqual(
      { ...ci, id: 0 },
      { kind: 'principal', id: 0, name: 'ci', principalKind: 'robot' },
    )
  })

  test('whoever is of another kind is not found under this one, and the error names the right one', async () => {
    await using world = await aWorldOfAll()
    const near: Readonly<Record<string, string>> = {
      'user:ci': 'robot:ci',
      'robot:ann': 'user:ann',
      'team:ann': 'user:ann',
      'user:web': 'team:web',
      'robot:gh-main': 'federated:gh-main',
      'user:Ann': 'user:ann',
    }
    for (const [who, fix] of Object.entries(near)) {
      const asked = findSubject(world.metadata, who)
      await assert.rejects(asked, refusal('not-found', /^there is no /, /did you mean/))
      await assert.rejects(findSubject(world.metadata, who), fixOf(fix))
    }
  })

  test('a name with one mistake is guessed, and one with more is not', async () => {
    await using world = await aWorldOfAll()
    const guesses: Readonly<Record<string, string | undefined>> = {
      'user:anm': 'user:ann',
      'user:anabel.lee': 'user:annabel.lee',
      'user:annabel.lle': 'user:annabel.lee',
      'team:wbe': 'team:web',
      'team:my-team': 'team:my_team',
      'user:annabella': undefined,
      'user:zoe': undefined,
      'team:%': undefined,
      'team:_eb': 'team:web',
    }
    for (const [who, fix] of Object.entries(guesses)) {
      await assert.rejects(findSubject(world.metadata, who), refusal('not-found', /^there is no /))
      await assert.rejects(findSubject(world.metadata, who), fixOf(fix))
    }
  })

  test('what does not say who is refused with what to write', async () => {
    await using world = await aWorldOfAll()
    const meant: Readonly<Record<string, string | undefined>> = {
      ann: 'user:ann',
      web: 'team:web',
      ci: 'robot:ci',
      everyone: 'signed-in',
      Public: 'anonymous',
      'group:web': 'team:web',
      'users:ann': 'user:ann',
      '': undefined,
      ':': undefined,
      'user:': undefined,
      'Signed-In': undefined,
      nobody: undefined,
    }
    for (const [who, fix] of Object.entries(meant)) {
      await assert.rejects(
        findSubject(world.metadata, who),
        refusal('invalid', /does not say who$/, /user:NAME, team:NAME/),
      )
      await assert.rejects(findSubject(world.metadata, who), fixOf(fix))
    }
  })

  test('whatever is written, it finds somebody or is refused', async () => {
    await using world = await aWorldOfAll()
    const who = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc
        .tuple(fc.constantFrom('user', 'robot', 'federated', 'team'), fc.string({ unit: 'binary' }))
        .map(([kind, name]) => `${kind}:${name}`),
    )
    await fc.assert(
      fc.asyncProperty(who, async (text) => {
        await assert.rejects(findSubject(world.metadata, text), { name: 'Refusal' })
      }),
    )
    assert.deepEqual(parseSubject('user:signed-in'), { kind: 'user', name: 'signed-in' })
  })

  test('near is one mistake, whichever of the two has it', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
    const at = fc.nat({ max: 6 })
    fc.assert(
      fc.property(letters, at, fc.constantFrom('a', 'b', 'x'), (word, index, letter) => {
        const head = word.slice(0, index)
        const tail = word.slice(index)
        const mistakes = [`${head}${letter}${tail}`, `${head}${letter}${tail.slice(1)}`]
        const swapped = `${head}${tail.charAt(1)}${tail.charAt(0)}${tail.slice(2)}`
        for (const other of [...mistakes, swapped, `${head}${tail.slice(1)}`]) {
          assert.ok(isNear(word, other) && isNear(other, word), `${word} ${other}`)
        }
      }),
    )
    for (const [a, b] of [
      ['ann', 'bob'],
      ['ann', 'annie'],
      ['abcd', 'badc'],
    ] as const) {
      assert.equal(isNear(a, b), false)
    }
  })
})
