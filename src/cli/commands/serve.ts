// `carrel serve`: runs in the foreground until SIGTERM or SIGINT, with a log for machines or people.
import { Option } from 'commander'
import type { Command } from 'commander'

import type { ConfigFlags } from '../../config/raw.ts'
import type { AsRegistry2 } from '../../config/registry2/read-registry2.ts'
import { settings } from '../../config/settings.ts'
import type { Config } from '../../config/config.ts'
import { readTelemetry, type TelemetrySettings } from '../../config/telemetry.ts'
import { usageError } from '../cli-error.ts'
import { hasColor } from '../cli-io.ts'
import type { ServeOptions } from '../composition.ts'
import { loadConfig } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import type { Output } from '../output.ts'
import { createServeLog } from '../serve-log.ts'
import { createServeScreen } from '../serve-screen.ts'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'start as a service, with a log',
    more: 'Runs in the foreground. SIGTERM lets requests under way finish, then ends with 0.\nEvery setting also has a variable: carrel help environment.',
    examples: [
      'carrel serve',
      'carrel serve --listen 0.0.0.0:5443 --data /var/lib/carrel',
      'carrel serve --tls-cert chain.pem --tls-key key.pem',
    ],
  })
  addServerOptions(command)
  command.action((options: ServerFlags) => serve(context, options, { friendly: false }))
}

export type ServerFlags = Readonly<Record<string, string | boolean | undefined>>

const shortHelp: Readonly<Record<string, string>> = {
  '--data': 'folder that holds everything (./data)',
  '--listen': 'address to listen on (127.0.0.1:5443); ":5443" is all',
}

export function addServerOptions(command: Command): void {
  for (const { flag, value, help } of settings) {
    if (flag === undefined) continue
    const flags = value === undefined ? flag : `${flag} <${value}>`
    command.addOption(new Option(flags, shortHelp[flag] ?? help))
  }
  command.option('--config <FILE>', 'carrel.yaml, wherever it is')
  command.option('--json', 'log as JSON (--log-format json)')
}

export interface ServeManner {
  /** For a person who watches. */
  readonly friendly: boolean
  /** As registry:2's own command. */
  readonly asRegistry2?: AsRegistry2
}

export async function serve(
  context: CommandContext,
  options: ServerFlags,
  { friendly, asRegistry2 }: ServeManner,
): Promise<void> {
  const { output, composition } = context
  const { config } = await loadConfig(context, flagsOf(options), asRegistry2)
  const logs = logsOf(config, output.terminal, friendly)
  context.exitCode = await composition.serve(config, {
    terminal: output.terminal && logs !== 'json',
    telemetry: telemetryOf(output),
    logs,
    onEvent:
      logs === 'json' || !output.terminal
        ? createServeLog(output.io.stdout, config.log.level, logs === 'text' ? 'text' : 'json')
        : createScreen(output, { live: logs === 'screen' }),
  })
}

/** @throws {CliError} when the variables of OpenTelemetry name something that cannot be used */
function telemetryOf({ io }: Output): TelemetrySettings | undefined {
  try {
    return readTelemetry(io.env)
  } catch (error) {
    throw usageError((error as Error).message)
  }
}

function createScreen({ io, width, terminal, lively }: Output, { live }: { live: boolean }) {
  const home = io.env['HOME']
  const color = hasColor(io.stdout, io.env)
  return createServeScreen({
    stdout: io.stdout,
    style: { color, width, program: io.program, ...(home !== undefined && { home }) },
    lively: lively && terminal,
    live,
  })
}

function logsOf(config: Config, terminal: boolean, friendly: boolean): ServeOptions['logs'] {
  const { format } = config.log
  if (format === 'json' || (format === 'auto' && !terminal)) return 'json'
  return terminal && friendly ? 'screen' : 'text'
}

/** Options by the setting that they set. */
function flagsOf(options: ServerFlags): ConfigFlags {
  const flags: Record<string, string | boolean> = {}
  for (const { key, flag } of settings) {
    const value = flag === undefined ? undefined : options[new Option(flag).attributeName()]
    if (value !== undefined) flags[key] = value
  }
  if (options['json'] === true) flags['log.format'] = 'json'
  if (typeof options['config'] === 'string') flags['config'] = options['config']
  return flags
}
