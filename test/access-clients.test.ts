// docker, podman, containerd and helm with everything that can stand in for a password: tokens under one's own name and
// under the names that other registries want, secrets of robots while they are changed, passwords of a directory, and
// identity tokens of CI jobs (ux.md §4.1, protocol.md §3.6).
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { skipWithoutSlapd } from '../src/sign-on/test-support/slapd.ts'
import { makePlace } from './clients/place.ts'
import { openNearDoor } from './clients/near-door.ts'
import { addUser, basic, collect } from './support/access-api.ts'
import { engineKinds, whatIsMissing, type Engine, type EngineKind } from './support/access-engines.ts'
import { reportAccess, type Cell } from './support/access-report.ts'
import { openSlowDoor } from './support/access-slow-door.ts'
import { createWire } from './support/access-wire.ts'
import { startAccessWorld, jobClaims, type AccessWorld } from './support/access-world.ts'
import { waitUntil, type ProgramResult } from './support/processes.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const isThorough = process.env['CI'] === 'true'
/** Registry tokens live for a minute, so that this one needs several of them. */
const slowPushSeconds = isThorough ? 75 : 9
const stopsWithinSeconds = 60
const kinds = Object.values(engineKinds)
const present = kinds.filter((kind) => whatIsMissing(kind) === undefined)
const cells: Cell[] = []
const stack = new AsyncDisposableStack()
let world: AccessWorld

const missing = kinds.map(whatIsMissing).filter((what) => what !== undefined)
const skip = missing.length > 0 && !isThorough && missing.join('; ')
test(`all of ${kinds.map(({ name }) => name).join(', ')} are here`, { skip }, () => {
  assert.deepEqual(missing, [])
})

before(async () => {
  if (present.length === 0) return
  world = stack.use(
    await startAccessWorld({ directory: skipWithoutSlapd() === false, tokenLifetimeMinutes: 1 }),
  )
})
after(async () => {
  reportAccess(cells)
  await stack.disposeAsync()
})

for (const kind of present) describe(kind.name, () => testEngine(kind))
