// Runs inside the namespace of far-door.ts: node far-door-relay.ts ADDRESS PORT SOCKET
import { startRelay } from './relay.ts'

const [host = '', port = '', path = ''] = process.argv.slice(2)
await startRelay({ from: { host, port: Number(port) }, to: { path } })
process.stdout.write('ready\n')
