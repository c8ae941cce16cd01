// The program of a worker thread: opens what it needs, serves until it is told to drain.
import { parentPort, workerData } from 'node:worker_threads'
import { createRegistryServer } from '../compose.ts'
import { createMetricsClient } from './measuring.ts'
import type { FromWorker, ToWorker, WorkerSettings } from './worker-settings.ts'

const settings = workerData as WorkerSettings
const port = parentPort
if (port === null) throw new Error('worker.ts is the program of a thread; start carrel instead')
const say = (message: FromWorker) => port.postMessage(message)

const { server, close, measure } = await createRegistryServer(settings, {
  emit: (event) => say({ kind: 'door', event }),
  metricsText: async () => metrics.text(),
})
const metrics = createMetricsClient(say, measure)
const address = await server.listen(settings.listen)
say({ kind: 'listening', port: address.port })

port.on('message', (message: ToWorker) => {
  if (metrics.heard(message)) return
  if (message.kind === 'certificate') server.setCertificate(message.certificate)
  if (message.kind === 'drain') void drain(message.graceMs)
})

async function drain(graceMs: number): Promise<void> {
  await server.drain(graceMs)
  await close()
  say({ kind: 'drained' })
  port?.close()
}
