// Collects settings from flags, the environment and carrel.yaml, in this order of precedence. All the I/O of
// config/ is here; what the values mean is config.ts's business.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { readConfigFile } from './config-file.ts'
import { didYouMean } from './did-you-mean.ts'
import { codeOf } from './error-code.ts'
import type { ConfigFlags, Environment, RawConfig, RawValue } from './raw.ts'
import { Secret } from './secret.ts'
import { configFileVariable, otherVariables, settings } from './settings.ts'
import type { SettingKey } from './settings.ts'

export interface ConfigSources {
  readonly env: Environment
  readonly cwd: string
  readonly flags?: ConfigFlags
}

/** Never throws for what a person set: everything wrong is in `problems` and `warnings`. */
export async function readConfig({ env, cwd, flags = {} }: ConfigSources): Promise<RawConfig> {
  const fromFlags = readFlags(flags, cwd)
  const fromEnvironment = await readEnvironment(env, cwd)
  const place = configFilePlace({ env, cwd, flags })
  const fromFile = await readConfigFile(place)
  return {
    values: { ...fromFile.values, ...fromEnvironment.values, ...fromFlags },
    cwd,
    ...(fromFile.file !== undefined && { file: fromFile.file }),
    problems: [...fromEnvironment.problems, ...fromFile.problems],
    warnings: [...unknownVariables(env), ...fromFile.warnings],
  }
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
function configFilePlace({ env, cwd, flags = {} }: ConfigSources) {
  const named = flags.config ?? (env[configFileVariable] || undefined)
  if (named !== undefined) {
    const name = flags.config === undefined ? configFileVariable : '--config'
    return { path: resolve(cwd, named), namedBy: name }
  }
  const data = flags.data ?? (env['CARREL_DATA'] || undefined)
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
