// Commands that speak to the management API: beside the data, or with --host to a server on the network. What they do is
// the same, and so are the errors.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'

import { createApiClient, type ApiClient } from '../contract/client.ts'
import { registryOf } from './addresses.ts'
import type { ApiConnection } from './api-transport.ts'
import { usageError } from './cli-error.ts'
import { addPlaceOptions } from './common-options.ts'
import { loadConfig, placeFlags } from './context.ts'
import type { CommandContext, PlaceOptions } from './context.ts'

/** What `--data`, `--config`, `--host` and `--ca-file` hold. */
export interface ManagementOptions extends PlaceOptions {
  readonly host?: string
  readonly caFile?: string
}

/** For every command that works beside the data and over the network alike. */
export function addManagementOptions(command: Command): Command {
  return addPlaceOptions(command)
    .option('--host <URL>', 'a server on the network, instead of the data here')
    .option('--ca-file <FILE>', 'trust this authority for --host')
}

export interface Reached {
  /** What docker calls the registry: `registry.example.com`, `localhost:5443`. */
  readonly registry: string
}

interface Connected extends Reached {
  readonly connection: ApiConnection
}

/**
 * With `create`, an installation beside the data that is not there yet is made.
 *
 * @throws {CliError} when the API refuses, or cannot be reached
 */
export async function withApi<T>(
  context: CommandContext,
  options: ManagementOptions,
  work: (api: ApiClient, reached: Reached) => Promise<T>,
  { create = false }: { readonly create?: boolean } = {},
): Promise<T> {
  const { connection, registry } = await connect(context, options, create)
  try {
    return await work(createApiClient(connection.transport), { registry })
  } finally {
    await connection.close()
  }
}

async function connect(
  context: CommandContext,
  options: ManagementOptions,
  create: boolean,
): Promise<Connected> {
  const { host, caFile } = options
  if (host !== undefined) return connectTo(context, host, options)
  if (caFile !== undefined) throw usageError('--ca-file is for --host only')
  const { config } = await loadConfig(context, placeFlags(options))
  const connection = await context.composition.openApi(config, { create })
  return { connection, registry: registryOf(config) }
}

async function connectTo(
  { composition, output }: CommandContext,
  host: string,
  { data, config, caFile }: ManagementOptions,
): Promise<Connected> {
  const other = data === undefined ? config && '--config' : '--data'
  if (other !== undefined) {
    throw usageError(`--host and ${other} exclude each other`, {
      why: 'one is a server on the network, the other the data on this machine',
    })
  }
  const { io } = output
  // Loaded here and not above: commands beside the data start without them.
  const [{ openHttpTransport }, { findToken, readHostCredential }, { parseHost }] =
    await Promise.all([
      import('./api-transport.ts'),
      import('./host-credentials.ts'),
      import('./host.ts'),
    ])
  const origin = parseHost(host)
  const connection = openHttpTransport({
    origin,
    token: await findToken(io, origin),
    ca:
      caFile === undefined
        ? (await readHostCredential(io, origin))?.ca
        : await readAuthority(resolve(io.cwd, caFile)),
    userAgent: `carrel/${composition.version}`,
  })
  return { connection, registry: new URL(origin).host }
}

/** PEM. @throws {CliError} usage */
export async function readAuthority(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw usageError(`--ca-file ${file}: cannot be read (${code})`)
  })
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw usageError(`--ca-file ${file} holds no certificate`, { why: 'it must be PEM' })
}

/** All of them, for a list that is printed whole. */
export async function collect<T>(pages: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of pages) items.push(item)
  return items
}

/** For options that may be given several times. */
export function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
