// Which config.yml is meant, and what is in it: the only file here that reads files.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { codeOf } from '../error-code.ts'
import type { Environment } from '../raw.ts'
import type { ConfigFileText } from './configuration.ts'
import { wellKnownFiles, type WellKnownFile } from './defaults.ts'

export interface FoundFile {
  readonly content?: ConfigFileText
  /** Whether somebody gave the file; false for what stands for one. */
  readonly given: boolean
  readonly problem?: string
}

export interface SearchPlace {
  readonly env: Environment
  readonly cwd: string
  /** Those of the images; others in tests. */
  readonly places?: readonly [WellKnownFile, WellKnownFile]
}

const variable = 'REGISTRY_CONFIGURATION_PATH'

/**
 * The file that is named, or the one of REGISTRY_CONFIGURATION_PATH, or the one that lies where the images of registry:2 and
 * registry:3 have theirs; where there is none, what these images hold.
 */
export async function findRegistry2File(
  named: string | undefined,
  { env, cwd, places = wellKnownFiles }: SearchPlace,
): Promise<FoundFile> {
  const wanted = named ?? (env[variable] || undefined)
  if (wanted !== undefined) {
    const path = resolve(cwd, wanted)
    const found = await readText(path)
    if (typeof found === 'string') return { content: { name: path, text: found }, given: true }
    const known = places.find((file) => file.path === path)
    if (known !== undefined && found.absent) return standIn(known)
    const by = named === undefined ? `${variable} ` : ''
    const what = found.absent ? 'there is no such file' : `cannot be read (${found.code})`
    return { given: true, problem: `${by}"${wanted}": ${what}` }
  }
  for (const { path } of places) {
    const found = await readText(path)
    if (typeof found === 'string') return { content: { name: path, text: found }, given: true }
    if (!found.absent) return { given: true, problem: `"${path}": cannot be read (${found.code})` }
  }
  return standIn(places[0])
}

function standIn({ name, text }: WellKnownFile): FoundFile {
  return { content: { name, text }, given: false }
}

async function readText(
  path: string,
): Promise<string | { readonly absent: boolean; readonly code: string }> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = codeOf(error)
    return { absent: code === 'ENOENT' || code === 'ENOTDIR', code }
  }
}
