// Some system tests run real programs from Debian packages. test/packages.json says which:
//   { "containers": { "files": ["test/podman.test.ts"], "packages": ["podman"], "commands": ["podman"] } }
// Where this machine lets us (root, apt-get), what is missing gets installed; elsewhere those files
// are skipped with one line, or fail when CI=true.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from './bootstrap.mjs'

const aptTimeoutMs = 300_000

/** Splits the files into those that can run and records about those that cannot. */
export function providePackagesOf(files) {
  const wanted = groupsOf(files)
  const lacking = wanted.filter((group) => missing(group).length > 0)
  const problem =
    lacking.length > 0 ? install(lacking.flatMap(({ packages }) => packages)) : undefined

  const records = []
  const blocked = new Set()
  for (const group of lacking) {
    const still = missing(group)
    if (still.length === 0) continue
    const name = `${group.name}: needs ${still.join(', ')} (Debian: ${group.packages.join(' ')}); ${problem ?? 'its package does not bring it'}`
    const result = process.env.CI === 'true' ? 'failed' : 'skipped'
    console.log(`${result === 'failed' ? '✖' : '–'} ${name}`)
    for (const file of group.files) blocked.add(file)
    records.push(...group.files.map((file) => ({ result, name, file })))
  }
  return { ready: files.filter((file) => !blocked.has(file)), records }
}

function groupsOf(files) {
  const list = path.join(root, 'test', 'packages.json')
  if (!fs.existsSync(list)) return []
  return Object.entries(JSON.parse(fs.readFileSync(list, 'utf8')))
    .map(([name, group]) => ({
      name,
      packages: group.packages,
      commands: group.commands,
      files: group.files.filter((file) => files.includes(file)),
    }))
    .filter((group) => group.files.length > 0)
}

function missing({ commands }) {
  // Daemons live in sbin, which is not on everybody's path.
  const folders = [
    ...(process.env.PATH ?? '').split(path.delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ]
  return commands.filter(
    (command) => !folders.some((folder) => isProgram(path.resolve(folder, command))),
  )
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Returns why nothing could be installed, or `undefined`. */
function install(packages) {
  if (process.getuid?.() !== 0) return 'only root can install it'
  if (spawnSync('apt-get', ['--version']).error) return 'there is no apt-get here'
  console.log(`Installing ${packages.join(' ')} through apt-get…`)
  const steps = [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...new Set(packages)],
  ]
  for (const args of steps) {
    const result = spawnSync('apt-get', args, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      encoding: 'utf8',
      timeout: aptTimeoutMs,
    })
    const reason = result.stderr?.trim().split('\n').at(-1) || result.error?.message
    if (result.status !== 0) return `apt-get ${args[0]} failed: ${reason ?? 'no message'}`
  }
  return undefined
}
