// Collects settings from flags, the environment, carrel.yaml and registry:2's configuration, in this order of precedence.
// What the values mean is config.ts's business.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { readConfigFile } from './config-file.ts'
import type { FilePlace } from './config-file.ts'
import { didYouMean } from './did-you-mean.ts'
import { codeOf } from './error-code.ts'
import type { ConfigFlags, Environment, RawConfig, RawValue } from './raw.ts'
import type { AsRegistry2 } from './registry2/read-registry2.ts'
import { Secret } from './secret.ts'
import { configFileVariable, otherVariables, settings } from './settings.ts'
import type { SettingKey } from './settings.ts'

export interface ConfigSources {
  readonly env: Environment
  readonly cwd: string
  readonly flags?: ConfigFlags
  /** For `registry serve`: registry:2's config.yml counts, and what it would do without one. */
  readonly asRegistry2?: AsRegistry2
}

/** Never throws for what a person set: everything wrong is in `problems` and `warnings`. */
export async function readConfig(sources: ConfigSources): Promise<RawConfig> {
  const { env, cwd, flags = {} } = sources
  const fromFlags = readFlags(flags, cwd)
  const fromEnvironment = await readEnvironment(env, cwd)
  const registry2 = await findRegistry2(sources)
  const fromFile = await readConfigFile(configFilePlace(sources, registry2?.rootDirectory))
  const own = { ...fromFile.values, ...fromEnvironment.values, ...fromFlags }
  const fromRegistry2 = registry2?.finish(new Set(Object.keys(own) as SettingKey[]))
  return {
    values: { ...fromRegistry2?.values, ...own },
    cwd,
    ...(fromFile.file !== undefined && { file: fromFile.file }),
    ...(fromRegistry2?.registry2 && { registry2: fromRegistry2.registry2 }),
    problems: [
      ...fromEnvironment.problems,
      ...fromFile.problems,
      ...(fromRegistry2?.problems ?? []),
    ],
    warnings: [...unknownVariables(env), ...fromFile.warnings, ...(fromRegistry2?.warnings ?? [])],
  }
}

/** Loaded only where there is something to read: most commands start without. */
async function findRegistry2({ env, cwd, asRegistry2 }: ConfigSources) {
  const isAsked = Object.keys(env).some((name) => name.startsWith('REGISTRY_'))
  if (asRegistry2 === undefined && !isAsked) return undefined
  const { readRegistry2 } = await import('./registry2/read-registry2.ts')
  return readRegistry2(asRegistry2, { env, cwd })
}

type Values = Partial<Record<SettingKey, RawValue>>

function readFlags(flags: ConfigFlags, cwd: string): Values {
  const values: Values = {}
  for (const { key, flag } of settings) {
    const value = flags[key]
    if (value === undefined) continue
    values[key] = { value, name: flag ?? key, source: 'flag', base: cwd }
  }
  return values
}

async function readEnvironment(env: Environment, cwd: string) {
  const values: Values = {}
  const problems: string[] = []
  for (const { key, env: name, secret } of settings) {
    const value = env[name] || undefined
    const source = { source: 'environment', base: cwd } as const
    if (value !== undefined)
      values[key] = { value: secret ? new Secret(value) : value, name, ...source }
    const fileVariable = `${name}_FILE`
    const path = secret ? env[fileVariable] || undefined : undefined
    if (path === undefined) continue
    if (value !== undefined) {
      problems.push(`${name} and ${fileVariable} are both set: set only one of them`)
      continue
    }
    try {
      const text = await readFile(resolve(cwd, path), 'utf8')
      values[key] = { value: new Secret(text.trim()), name: fileVariable, ...source }
    } catch (error) {
      problems.push(`${fileVariable} "${path}": cannot be read (${codeOf(error)})`)
    }
  }
  return { values, problems }
}

/** --config or CARREL_CONFIG name a file that must be there; else carrel.yaml in the data folder may be. */
function configFilePlace(
  { env, cwd, flags = {} }: ConfigSources,
  rootDirectory: string | undefined,
): FilePlace {
  const named = flags.config ?? (env[configFileVariable] || undefined)
  if (named !== undefined) {
    const name = flags.config === undefined ? configFileVariable : '--config'
    return { path: resolve(cwd, named), namedBy: name }
  }
  const data = flags.data ?? (env['CARREL_DATA'] || rootDirectory)
  return { path: join(resolve(cwd, typeof data === 'string' ? data : './data'), 'carrel.yaml') }
}

function unknownVariables(env: Environment): readonly string[] {
  const known = new Set<string>([configFileVariable, ...otherVariables])
  for (const { env: name, secret } of settings) {
    known.add(name)
    if (secret) known.add(`${name}_FILE`)
  }
  const unknown = Object.keys(env)
    .filter((name) => name.startsWith('CARREL_') && !known.has(name))
    .toSorted()
  if (unknown.length === 0) return []
  const named = unknown.map((name) => {
    const guess = didYouMean(
      name.slice(7),
      [...known].map((each) => each.slice(7)),
    )
    return guess === undefined ? name : `${name} (did you mean CARREL_${guess}?)`
  })
  return [`${named.join(', ')}: no such setting, so ignored`]
}
