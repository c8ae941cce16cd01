// Carrel's own check of a data folder, every byte of it, as an operator runs it.
import { fileURLToPath } from 'node:url'
import { runProgram } from '../support/processes.ts'
import { withoutSettings } from '../support/start-registry.ts'

const carrel = fileURLToPath(new URL('../../carrel', import.meta.url))

export interface FsckAnswer {
  readonly code: number | undefined
  readonly report: {
    readonly ok: boolean
    readonly manifests: number
    readonly blobs: number
    readonly problems: readonly unknown[]
  }
}

export async function runFsck(data: string, metadataUrl?: string): Promise<FsckAnswer> {
  const { code, stdout, output } = await runProgram(
    carrel,
    ['fsck', '--deep', '--data', data, '--json'],
    {
      env: { ...withoutSettings(process.env), CARREL_METADATA_URL: metadataUrl },
    },
  )
  try {
    return { code, report: JSON.parse(stdout) as FsckAnswer['report'] }
  } catch {
    throw new Error(`carrel fsck ended with ${code} and said: ${output}`)
  }
}
