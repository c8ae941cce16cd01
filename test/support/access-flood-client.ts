// A program of its own, so that what it does does not slow down whoever measures: many clients that guess passwords at
// once. Each guesses, waits a little, and guesses again, from an address of its own of 127.0.3.0/24. It takes the
// processor only when nobody else wants it: strangers would guess on machines of their own.
//
//   node access-flood-client.ts '{"port":5443,"clients":1000,"seconds":6,"pauseMs":1000,"accounts":["ann"]}'
import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWire } from './access-wire.ts'

export interface FloodOrder {
  readonly port: number
  readonly clients: number
  readonly seconds: number
  readonly pauseMs: number
  /** Each client has one of them. */
  readonly accounts: readonly string[]
}

export interface FloodReport {
  /** How often each status was answered; 0 is no answer. */
  readonly statuses: Readonly<Record<string, number>>
  /** Without it on a 429. */
  readonly withoutRetryAfter: number
}

const addresses = 250

async function flood(order: FloodOrder): Promise<FloodReport> {
  const statuses: Record<string, number> = {}
  let withoutRetryAfter = 0
  const endsAt = performance.now() + order.seconds * 1000

  async function guess(index: number): Promise<void> {
    const account = order.accounts[index % order.accounts.length] ?? ''
    using wire = createWire(order.port, { from: `127.0.3.${1 + (index % addresses)}` })
    for (let count = 0; performance.now() < endsAt; count += 1) {
      const guessed = Buffer.from(`${account}:wrong guess ${index} ${count}`).toString('base64')
      const answer = await wire
        .ask('GET', '/token', { authorization: `Basic ${guessed}` })
        .catch(() => undefined)
      const status = answer?.status ?? 0
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 429 && answer?.headers['retry-after'] === undefined) withoutRetryAfter += 1
      await sleep(order.pauseMs)
    }
  }

  await Promise.all(Array.from({ length: order.clients }, async (_, index) => guess(index)))
  return { statuses, withoutRetryAfter }
}

setPriority(constants.priority.PRIORITY_LOW)
const report = await flood(JSON.parse(process.argv[2] ?? '{}') as FloodOrder)
process.stdout.write(`${JSON.stringify(report)}\n`)
