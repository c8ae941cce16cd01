// registry:2's configuration through the same door as every command: readConfig and parseConfig.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { parseConfig, type Config } from '../../config.ts'
import { explainConfig } from '../../explain.ts'
import type { Environment, RawConfig } from '../../raw.ts'
import { readConfig } from '../../read.ts'
import { parseRegistry2 } from '../configuration.ts'
import type { WellKnownFile } from '../defaults.ts'
import { mapRegistry2 } from '../mapping.ts'
import type { AsRegistry2 } from '../read-registry2.ts'

export const cwd = '/nowhere'

export interface Read {
  readonly config: Config | undefined
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  /** By setting: who set it. */
  readonly sources: Readonly<Record<string, string>>
}

export async function read(env: Environment, asRegistry2?: AsRegistry2): Promise<Read> {
  return parsed(await readConfig({ env, cwd, ...(asRegistry2 && { asRegistry2 }) }))
}

/** Where nobody mounts a file; this machine may have one. */
export function asImage({ name, text }: WellKnownFile): Read {
  const configuration = parseRegistry2({ name, text }, {})
  const options = { cwd, given: new Set<never>(), file: undefined, asRegistry2: true }
  const { values, config, problems, warnings } = mapRegistry2(configuration, options)
  const setBy = () => undefined
  return parsed({ values, cwd, problems, warnings, registry2: { config, setBy } })
}

function parsed(raw: RawConfig): Read {
  const { config, problems = [] } = parseConfig(raw)
  const explained = config === undefined ? [] : explainConfig(raw, config)
  const sources = Object.fromEntries(explained.map(({ key, source }) => [key, source]))
  return { config, problems, warnings: raw.warnings, sources }
}

/** As `registry serve` with a file that holds this; logins are Carrel's own unless it says something else. */
export async function serve(t: TestContext, text: string, env: Environment = {}): Promise<Read> {
  const folder = await mkdtemp(join(tmpdir(), 'registry2-'))
  t.after(async () => rm(folder, { recursive: true }))
  const file = join(folder, 'config.yml')
  await writeFile(file, `version: 0.1\n${text}`)
  return read({ CARREL_DATA: folder, ...env }, { file })
}

export const withAuth = 'auth: {htpasswd: {realm: r, path: /auth/htpasswd}}\n'
export const filesystem = 'storage: {filesystem: {rootdirectory: /var/lib/registry}}\n'

export function fine({ config, problems }: Read): Config {
  assert.deepEqual(problems, [])
  assert.ok(config)
  return config
}
