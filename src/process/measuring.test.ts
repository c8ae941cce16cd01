import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { gauge } from '../metrics/metric.ts'
import { createMeasuring, createMetricsClient, type MetricsClient } from './measuring.ts'
import type { ToWorker } from './worker-settings.ts'

/** Workers that answer at once, and one that does not. */
function aProcess(answering: number, silent: number) {
  const measuring = createMeasuring()
  const clients: MetricsClient[] = []
  for (let index = 0; index < answering; index += 1) {
    const thread = {
      postMessage: (message: ToWorker) => queueMicrotask(() => void client.heard(message)),
    }
    const client = createMetricsClient(
      (message) => void measuring.heard(thread, message),
      () => gauge('one', 'Help.', index),
    )
    measuring.add(thread)
    clients.push(client)
  }
  for (let index = 0; index < silent; index += 1) measuring.add({ postMessage: () => undefined })
  return { measuring, clients }
}

test('all workers are asked, and every round is for itself', async () => {
  const { measuring } = aProcess(3, 0)
  for (const { threads, silent } of await Promise.all([measuring.measure(), measuring.measure()])) {
    assert.equal(threads.length, 3)
    assert.equal(silent, 0)
  }
})

test('a worker that does not answer is counted and not waited for', async () => {
  const { measuring } = aProcess(1, 2)
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const asked = measuring.measure()
    await new Promise((resolve) => setImmediate(resolve))
    mock.timers.tick(2001)
    const { threads, silent } = await asked
    assert.deepEqual([threads.length, silent], [1, 2])
  } finally {
    mock.timers.reset()
  }
})

test('a worker that is asked by a client is given the text of all, or the reason why not', async () => {
  const { measuring, clients } = aProcess(2, 0)
  measuring.answerWith(async () => `${(await measuring.measure()).threads.length} threads`)
  assert.equal(await clients[1]?.text(), '2 threads')
  measuring.answerWith(() => Promise.reject(new Error('no database')))
  await assert.rejects(clients[0]?.text() ?? Promise.resolve(), /no database/)
})
