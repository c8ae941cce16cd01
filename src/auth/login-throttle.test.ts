import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { isKnownClient, noteKnownClient } from '../metadata/login-attempts.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { aUser } from '../metadata/suite-cases/case.ts'
import { createPostgresSchema, postgresIsMissing } from '../metadata/test-support/postgres.ts'
import { anSqliteFile } from '../metadata/test-support/sqlite.ts'
import { openAt, type StoreAddress } from '../metadata/test-support/store-address.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { clientNetwork } from './login-throttle-keys.ts'
import { createLoginThrottle, type LoginThrottle, type Reservation } from './login-throttle.ts'

const minute = 60_000
const home = '198.51.100.20'

interface Nodes {
  readonly clock: { now: number }
  readonly stores: readonly MetadataStore[]
  readonly throttles: readonly LoginThrottle[]
  /** Of all nodes. */
  readonly writes: () => number
}

/** So many servers on one database, with one clock that the test moves. */
async function nodesOn(t: TestContext, address: StoreAddress, count: number): Promise<Nodes> {
  const clock = { now: 1_700_000_000_000 }
  const stores: MetadataStore[] = []
  for (let number = 0; number < count; number += 1) {
    const store = await openAt(address, { migrate: number === 0 })
    t.after(async () => store[Symbol.asyncDispose]())
    stores.push(store)
  }
  let writes = 0
  const throttles = stores.map((store) => {
    const metadata: Pick<MetadataStore, 'write'> = {
      async write(work, options) {
        writes += 1
        return store.write(work, options)
      },
    }
    return createLoginThrottle({ metadata, now: () => clock.now })
  })
  return { clock, stores, throttles, writes: () => writes }
}

async function oneNode(t: TestContext) {
  const { throttles, clock, writes, stores } = await nodesOn(t, await anSqliteFile(t), 1)
  const [throttle] = throttles
  const [store] = stores
  assert.ok(throttle && store)
  return { throttle, store, clock, writes }
}

function stranger(number: number): string {
  return `203.0.${Math.floor(number / 250)}.${number % 250}`
}

/** From a client that the account is not known by. */
const guess = (account: string, address: string) => ({ account, address, knownClient: false })
const atHome = (account: string) => ({ account, address: home, knownClient: true })

function countAllowed(reservations: readonly Reservation[]): number {
  return reservations.filter(({ allowed }) => allowed).length
}

async function sequence(throttle: LoginThrottle, attempts: readonly ReturnType<typeof guess>[]) {
  const reservations: Reservation[] = []
  for (const attempt of attempts) reservations.push(await throttle.reserve(attempt))
  return reservations
}

async function attacked(t: TestContext, address: StoreAddress): Promise<void> {
  const { clock, throttles, writes } = await nodesOn(t, address, 3)
  const attack = async (guesses: number) =>
    Promise.all(
      Array.from({ length: guesses }, async (_, number) => {
        const throttle = throttles[number % 3]
        assert.ok(throttle)
        return throttle.reserve(guess('alice', stranger(number % 2000)))
      }),
    )
  const aliceSignsIn = async () => {
    for (const throttle of throttles) {
      const reserved = await throttle.reserve(atHome('alice'))
      assert.equal(reserved.allowed, true)
      if (reserved.allowed) await reserved.succeeded()
    }
  }

  const [first, ...more] = await Promise.all([attack(10_000), aliceSignsIn()])
  assert.equal(countAllowed(first), 10)
  for (const reserved of first) {
    if (!reserved.allowed) assert.equal(reserved.retryAfterSeconds, 900)
  }
  assert.equal(more.length, 1)
  assert.ok(writes() < 700, `${writes()} transactions for 10,000 guesses`)
  for (let passed = 1; passed < 15; passed += 1) {
    clock.now += minute
    assert.equal(countAllowed(await attack(300)), 0, `after ${passed} minutes`)
    await aliceSignsIn()
  }
  clock.now += minute
  assert.equal(countAllowed(await attack(300)), 10)
  await aliceSignsIn()
}

suite('brute force on three nodes at once', () => {
  test('SQLite: 10 of 10,000 guesses are evaluated in 15 minutes, and the owner signs in at home', async (t) => {
    await attacked(t, await anSqliteFile(t))
  })

  test(
    'PostgreSQL: 10 of 10,000 guesses are evaluated in 15 minutes, and the owner signs in at home',
    { skip: postgresIsMissing },
    async (t) => {
      const { url } = await createPostgresSchema()
      await attacked(t, { dialect: 'postgres', url })
    },
  )
})

test('an address has 100 attempts, whatever accounts it tries, and other addresses are not touched', async (t) => {
  const { throttle, clock } = await oneNode(t)
  const tries = Array.from({ length: 150 }, async (_, number) =>
    throttle.reserve(guess(`user-${number}`, stranger(1))),
  )
  assert.equal(countAllowed(await Promise.all(tries)), 100)
  assert.equal((await throttle.reserve(guess('user-149', stranger(2)))).allowed, true)
  clock.now += 15 * minute
  assert.equal((await throttle.reserve(guess('user-149', stranger(1)))).allowed, true)
})

test('a neighbour in the same /64 is the same client, one outside is another', async (t) => {
  const { throttle } = await oneNode(t)
  const from = async (address: string) =>
    throttle.reserve({ account: 'alice', address, knownClient: true })
  const tries = Array.from({ length: 30 }, async (_, number) => from(`2001:db8::${number}`))
  assert.equal(countAllowed(await Promise.all(tries)), 10)
  assert.equal((await from('2001:db8:0:1::1')).allowed, true)
})

test('a known client has its own 10, then pauses; strangers have theirs, whatever it did', async (t) => {
  const { throttle, clock } = await oneNode(t)
  const wrong = await sequence(
    throttle,
    Array.from({ length: 11 }, () => atHome('alice')),
  )
  assert.deepEqual(
    wrong.map(({ allowed }) => allowed),
    [...Array.from({ length: 10 }, () => true), false],
  )
  assert.deepEqual(wrong[10], { allowed: false, retryAfterSeconds: 60 })
  const others = Array.from({ length: 20 }, async (_, number) =>
    throttle.reserve(guess('alice', stranger(number))),
  )
  assert.equal(countAllowed(await Promise.all(others)), 10)
  clock.now += minute
  assert.equal((await throttle.reserve(atHome('alice'))).allowed, true)
  assert.deepEqual(await throttle.reserve(atHome('alice')), {
    allowed: false,
    retryAfterSeconds: 120,
  })
})

test('one address that goes on guessing leaves other strangers their attempts', async (t) => {
  const { throttle, clock } = await oneNode(t)
  const attacker = guess('alice', stranger(1))
  let evaluated = 0
  for (let passed = 0; passed < 120; passed += 1) {
    clock.now += minute
    evaluated += countAllowed(
      await sequence(
        throttle,
        Array.from({ length: 12 }, () => attacker),
      ),
    )
  }
  assert.ok(evaluated >= 10 && evaluated <= 22, `${evaluated} guesses in two hours`)
  assert.equal((await throttle.reserve(guess('alice', stranger(2)))).allowed, true)
})

test('who is right is never refused, however often and from wherever', async (t) => {
  const { throttle } = await oneNode(t)
  for (let round = 0; round < 150; round += 1) {
    const reserved = await throttle.reserve(guess('ci', stranger(round % 3)))
    assert.ok(reserved.allowed)
    await reserved.succeeded()
  }
})

test('a success clears the client, and gives back no more than itself of what strangers share', async (t) => {
  const { throttle } = await oneNode(t)
  await sequence(
    throttle,
    Array.from({ length: 9 }, () => guess('alice', stranger(1))),
  )
  const right = await throttle.reserve(guess('alice', stranger(1)))
  assert.ok(right.allowed)
  assert.equal((await throttle.reserve(guess('alice', stranger(1)))).allowed, false)
  await Promise.all([right.succeeded(), right.succeeded()])
  await right.succeeded()
  const next = [guess('alice', stranger(1)), guess('alice', stranger(1))]
  assert.equal(countAllowed(await sequence(throttle, next)), 1)
  // Known by now, the client is as new.
  const known = { account: 'alice', address: stranger(1), knownClient: true }
  assert.equal(
    countAllowed(
      await sequence(
        throttle,
        Array.from({ length: 12 }, () => known),
      ),
    ),
    9,
  )
})

test('an attacker with an account of its own gets no more guesses by signing in to it', async (t) => {
  const { throttle } = await oneNode(t)
  let evaluated = 0
  for (let round = 0; round < 150; round += 1) {
    const own = await throttle.reserve(guess('mallory', stranger(1)))
    if (own.allowed) await own.succeeded()
    evaluated += countAllowed([await throttle.reserve(guess(`user-${round}`, stranger(1)))])
  }
  assert.ok(evaluated <= 100, `${evaluated} guesses`)
})

test('an attempt that was not evaluated is given back whole', async (t) => {
  const { throttle } = await oneNode(t)
  for (let round = 0; round < 40; round += 1) {
    const reserved = await throttle.reserve(atHome('alice'))
    assert.ok(reserved.allowed, `round ${round}`)
    await reserved.withdrawn()
    await reserved.succeeded()
  }
  await sequence(
    throttle,
    Array.from({ length: 5 }, () => atHome('alice')),
  )
  const withdrawn = await throttle.reserve(atHome('alice'))
  assert.ok(withdrawn.allowed)
  await withdrawn.withdrawn()
  assert.equal(
    countAllowed(
      await sequence(
        throttle,
        Array.from({ length: 9 }, () => atHome('alice')),
      ),
    ),
    5,
  )
})

test('accounts that exist and accounts that do not get the same answers', async (t) => {
  const { throttle, store, clock } = await oneNode(t)
  await store.write(async (tx) => {
    const principalId = await aUser(tx, 'alice')
    await noteKnownClient(tx, { principalId, network: clientNetwork(home), at: clock.now })
  })
  const answers = async (account: string, base: number) => {
    const found: unknown[] = []
    for (let number = 0; number < 40; number += 1) {
      const address = stranger(base + (number % 5))
      const knownClient = await isKnownClient(store, { account, network: clientNetwork(address) })
      const reserved = await throttle.reserve({ account, address, knownClient })
      found.push(reserved.allowed || reserved.retryAfterSeconds)
      if (number % 8 === 7) clock.now += 7 * minute
    }
    return found
  }
  assert.deepEqual(await answers('alice', 0), await answers('nobody', 300))
})

test('a flood that is refused writes nothing, and asks the database at most every five seconds', async (t) => {
  const { throttle, clock, writes } = await oneNode(t)
  await sequence(
    throttle,
    Array.from({ length: 11 }, () => guess('alice', stranger(1))),
  )
  const before = writes()
  for (let round = 0; round < 1000; round += 1) {
    assert.equal((await throttle.reserve(guess('alice', stranger(1)))).allowed, false)
    clock.now += 10
  }
  const asked = writes() - before
  assert.ok(asked >= 1 && asked <= 2, `${asked} transactions in ten seconds`)
})

test('what is known to be refused is refused at once, even while the database is busy', async (t) => {
  const { store, clock } = await oneNode(t)
  const busy = Promise.withResolvers<void>()
  let isBusy = false
  const throttle = createLoginThrottle({
    metadata: {
      async write(work, options) {
        if (isBusy) await busy.promise
        return store.write(work, options)
      },
    },
    now: () => clock.now,
  })
  await sequence(
    throttle,
    Array.from({ length: 11 }, () => guess('alice', stranger(1))),
  )
  isBusy = true
  const turns = async () => {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  const waiting = throttle.reserve(guess('bob', stranger(2)))
  await turns()
  let answer: Reservation | undefined
  const refused = throttle.reserve(guess('alice', stranger(1))).then((given) => (answer = given))
  await turns()
  assert.equal(answer?.allowed, false)
  busy.resolve()
  await refused
  assert.equal((await waiting).allowed, true)
})

test('when a success on one node makes room, another node knows within five seconds', async (t) => {
  const { throttles, clock } = await nodesOn(t, await anSqliteFile(t), 2)
  const [one, two] = throttles
  assert.ok(one && two)
  const right = await one.reserve(guess('alice', stranger(0)))
  assert.ok(right.allowed)
  await sequence(
    one,
    Array.from({ length: 9 }, (_, number) => guess('alice', stranger(number + 1))),
  )
  assert.equal((await two.reserve(guess('alice', stranger(20)))).allowed, false)
  await right.succeeded()
  clock.now += 5000
  assert.equal((await two.reserve(guess('alice', stranger(20)))).allowed, true)
})

test('when attempts cannot be counted, none is allowed, and later ones are', async (t) => {
  const { store, clock } = await oneNode(t)
  let isBroken = true
  const throttle = createLoginThrottle({
    metadata: {
      async write(work, options) {
        if (isBroken) throw new StorageUnavailableError('The database did not answer.')
        return store.write(work, options)
      },
    },
    now: () => clock.now,
  })
  const tries = Array.from({ length: 100 }, async () => throttle.reserve(atHome('alice')))
  for (const outcome of await Promise.allSettled(tries)) {
    assert.equal(outcome.status, 'rejected')
    assert.ok(outcome.reason instanceof StorageUnavailableError)
  }
  isBroken = false
  assert.equal((await throttle.reserve(atHome('alice'))).allowed, true)
})
