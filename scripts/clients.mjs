// Puts real clients through their steps against a started server: builds those that are missing, then
// runs test/clients.test.ts, test/engines.test.ts and test/access-clients.test.ts.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { bootstrap, root, runIfProgram } from './bootstrap.mjs'
import { providePackagesOf } from './debian-packages.mjs'
import { provideGoPrograms } from './go-programs.mjs'
import { runTests } from './run-tests.mjs'

const usage = `npm run test:clients                 build what is missing, then run all clients
npm run test:clients -- --postgres   with PostgreSQL instead of SQLite
npm run test:clients -- --docs       write the table into docs/clients.md as well
npm run test:clients -- --build      only build`

const files = ['test/clients.test.ts', 'test/engines.test.ts', 'test/access-clients.test.ts']
const limits = { testTimeoutMs: 180_000, deadlineMs: 600_000 }

async function main() {
  const { values } = parseArgs({
    options: {
      postgres: { type: 'boolean' },
      docs: { type: 'boolean' },
      build: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  await bootstrap({ tools: true })
  const problems = provideGoPrograms()
  for (const problem of problems) console.log(`✖ ${problem}`)
  if (problems.length > 0) process.exitCode = 1
  if (values.build) return

  if (values.postgres) process.env.CARREL_TEST_METADATA = 'postgres'
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carrel-clients-'))
  try {
    process.env.CARREL_TEST_CLIENTS_REPORT = folder
    const records = await runAll()
    const failed = records.filter(({ result }) => result === 'failed')
    if (failed.length > 0) process.exitCode = 1
    else if (values.docs) writeDocs(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function runAll() {
  const { ready, records } = providePackagesOf(files)
  for (const file of ready) {
    console.log(file)
    records.push(...(await runTests([file], { lines: 'tests', ...limits })))
  }
  return records
}

/** Each test file has left its table in the folder. */
function writeDocs(folder) {
  const tables = fs
    .readdirSync(folder)
    .sort()
    .map((name) => fs.readFileSync(path.join(folder, name), 'utf8').trim())
  const target = path.join(root, 'docs', 'clients.md')
  fs.mkdirSync(path.dirname(target), { recursive: true })
  fs.writeFileSync(target, `${introduction}\n${tables.join('\n\n')}\n`)
  console.log(`Written: ${path.relative(root, target)}`)
}

const introduction = `# Clients

What real clients do against a started Carrel, as \`npm run test:clients -- --docs\` found it. Every
client signs in with a wrong password (which must fail) and the right one, pushes, pulls into an empty
place, and must find the digest that the registry holds; where it can, it pushes and pulls an index of
two platforms, mounts an image into a second repository (the registry's log must show the mount), and
deletes. A dash means that the client has no such command.

- HTTP: plain HTTP on loopback, through a door that refuses TLS, because docker, podman and skopeo try
  TLS first.
- TLS: certificate files of an authority that the client is given, through a door that refuses plain
  HTTP, because crane falls back to it. "Own authority" is the one that Carrel makes at its first start.
  docker reads it from \`/etc/docker/certs.d\` and meets the registry at an address that is not loopback,
  where it would not check; ctr reads it from a \`hosts.toml\`.
- cosign pushes by signing and pulls by verifying, with a local key and no transparency log.
- regctl sends blobs in chunks of 64 KiB.
- Signing in: what stands in for a password. An own token is pushed and pulled with under its owner's name,
  and also under the names that other registries want (AWS, oauth2accesstoken, _json_key). A narrowed token
  pulls, and its push is refused with the reason (containerd shows the status alone). The secret of a robot is
  rotated between push and pull: both secrets work until the robot is removed, and then neither. Directory is
  the password of somebody in LDAP. CI job is the identity token of a job with the user name oidc: what is
  pushed says which job it was, and a push may take longer than that token lives.
`

await runIfProgram(import.meta.url, main)
