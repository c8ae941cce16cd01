// Real engines and tools from Debian's packages, over HTTP and over TLS (protocol.md §2, §6).
import { ctr } from './clients/ctr.ts'
import { docker } from './clients/docker.ts'
import { doors, testClients } from './clients/run-clients.ts'
import { skopeo } from './clients/skopeo.ts'
import { buildah, podman } from './clients/podman.ts'

const clients = [docker, ctr, podman, buildah, skopeo]

testClients('Engines', [
  { door: doors.http, clients },
  { door: doors.ownTls, clients },
  { door: doors.postgres, clients: [docker, skopeo] },
])
