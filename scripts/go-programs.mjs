// Builds the real clients that the system tests use from Go sources, in the versions of
// test/clients/pins.json, into a cache outside the checkout: CACHE/carrel-clients/NAME@VERSION/NAME.
// What is there already stays. The tests look there by themselves (test/clients/programs.ts).
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './bootstrap.mjs'

const buildTimeoutMs = 15 * 60_000
const pins = JSON.parse(fs.readFileSync(path.join(root, 'test', 'clients', 'pins.json'), 'utf8'))
const cache = path.join(
  process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'),
  'carrel-clients',
)

/**
 * Builds what is missing and says so; returns a sentence for each program that could not be built.
 *
 * @param {readonly string[]} names of pins.json; all when there are none
 */
export function provideGoPrograms(names = Object.keys(pins)) {
  const missing = names.filter((name) => !fs.existsSync(target(name)))
  if (missing.length === 0) return []
  if (spawnSync('go', ['version']).error !== undefined) {
    return [`There is no Go on the path to build ${missing.join(', ')}.`]
  }
  return missing.map(build).filter((problem) => problem !== undefined)
}

function target(name) {
  return path.join(cache, `${name}@${pins[name].version}`, name)
}

/** Builds beside the place and renames, so that an interrupted build leaves nothing that looks whole. */
function build(name) {
  const { package: source, version } = pins[name]
  const began = performance.now()
  process.stdout.write(`Building ${name} ${version}…`)
  fs.mkdirSync(cache, { recursive: true })
  const folder = fs.mkdtempSync(path.join(cache, '.build-'))
  try {
    const result = spawnSync('go', ['install', '-trimpath', `${source}@${version}`], {
      env: { ...process.env, CGO_ENABLED: '0', GOBIN: folder },
      encoding: 'utf8',
      timeout: buildTimeoutMs,
    })
    console.log(` ${Math.round((performance.now() - began) / 1000)} s`)
    if (result.status !== 0) {
      const reason = result.stderr?.trim().split('\n').at(-1) || result.error?.message
      return `go install ${source}@${version} failed: ${reason ?? 'no message'}`
    }
    fs.mkdirSync(path.dirname(target(name)), { recursive: true })
    fs.renameSync(path.join(folder, name), target(name))
    return undefined
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
