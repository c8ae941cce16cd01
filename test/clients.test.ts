// Real clients that are built with Go, over HTTP and over TLS (protocol.md §2, §6). What the machine
// does not have is skipped; `npm run test:clients` builds it.
import { cosign } from './clients/cosign.ts'
import { crane } from './clients/crane.ts'
import { helm } from './clients/helm.ts'
import { oras } from './clients/oras.ts'
import { regctl } from './clients/regctl.ts'
import { doors, testClients } from './clients/run-clients.ts'

const clients = [crane, oras, regctl, helm, cosign]

testClients('Tools', [
  { door: doors.http, clients },
  { door: doors.tls, clients },
  { door: doors.postgres, clients: [crane, oras] },
])
