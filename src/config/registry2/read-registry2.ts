// registry:2's configuration as far as it is there: REGISTRY_* variables always, config.yml for `registry serve`.
import type { Environment, Registry2Raw } from '../raw.ts'
import type { SettingKey } from '../settings.ts'
import {
  parseRegistry2,
  prefix,
  type ConfigFileText,
  type Registry2Configuration,
} from './configuration.ts'
import { findRegistry2File } from './find-file.ts'
import { mapRegistry2, rootDirectoryOf, type Registry2Values } from './mapping.ts'

/** `registry serve [FILE]`; without it, only variables count. */
export interface AsRegistry2 {
  readonly file?: string
  /** Nobody is served, so nobody asks who gets in. */
  readonly dataOnly?: boolean
}

export interface FoundRegistry2 {
  /** Where everything is, by its word. */
  readonly rootDirectory: string | undefined
  /** What holds after all that was set by Carrel's own means. */
  finish(given: ReadonlySet<SettingKey>): FinishedRegistry2
}

export interface FinishedRegistry2 {
  readonly values: Registry2Values
  readonly registry2?: Registry2Raw
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** undefined: nothing speaks of it. */
export async function readRegistry2(
  asRegistry2: AsRegistry2 | undefined,
  place: { readonly env: Environment; readonly cwd: string },
): Promise<FoundRegistry2 | undefined> {
  if (asRegistry2 === undefined) {
    if (!Object.keys(place.env).some((name) => name.startsWith(prefix))) return undefined
    return found(parseRegistry2(undefined, place.env), {
      place,
      asRegistry2: false,
      dataOnly: false,
    })
  }
  const { content, given, problem } = await findRegistry2File(asRegistry2.file, place)
  if (problem !== undefined) return { rootDirectory: undefined, finish: () => broken(problem) }
  const configuration = parseRegistry2(content, place.env)
  const { dataOnly = false } = asRegistry2
  const source = given && content !== undefined ? { content } : {}
  return found(configuration, { place, asRegistry2: true, dataOnly, ...source })
}

const broken = (problem: string): FinishedRegistry2 => ({
  values: {},
  problems: [problem],
  warnings: [],
})

function found(
  configuration: Registry2Configuration,
  {
    place,
    asRegistry2,
    dataOnly,
    content,
  }: {
    readonly place: { readonly cwd: string }
    readonly asRegistry2: boolean
    readonly dataOnly: boolean
    readonly content?: ConfigFileText
  },
): FoundRegistry2 {
  return {
    rootDirectory: rootDirectoryOf(configuration),
    finish(given) {
      const { cwd } = place
      const options = { cwd, given, file: content?.name, asRegistry2, dataOnly }
      const { values, config, problems, warnings } = mapRegistry2(configuration, options)
      const setBy = (key: string) => configuration.setBy(key)?.name
      return { values, registry2: { config, setBy }, problems, warnings }
    },
  }
}
