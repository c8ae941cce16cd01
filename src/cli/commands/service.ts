// `carrel service install|uninstall`: Carrel as a service of systemd.
import { spawnSync } from 'node:child_process'
import { access, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { argv, execPath } from 'node:process'
import type { Command } from 'commander'

import { CliError } from '../cli-error.ts'
import { loadConfig } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { environmentFile, stateFolder, systemdUnit, unitFile } from '../systemd-unit.ts'
import { formatAddress } from '../../config/listen-address.ts'

interface InstallOptions {
  readonly listen?: string
  readonly print?: boolean
}

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'run as a service of systemd',
    examples: ['carrel service install --listen :5443', 'carrel service uninstall'],
  })
  describeCommand(command.command('install'), {
    summary: 'write the unit, start it, and start it with the machine',
    more: `Data lies in ${stateFolder}. Settings go into ${environmentFile}; after a change:\nsystemctl restart carrel. Run it again after Carrel itself was moved or updated.`,
    examples: ['carrel service install --listen :5443', 'carrel service install --print'],
  })
    .option('--listen <HOST:PORT>', 'address to listen on (127.0.0.1:5443); ":5443" is all')
    .option('--print', 'print the unit and change nothing')
    .action((options: InstallOptions) => install(context, options))
  describeCommand(command.command('uninstall'), {
    summary: 'stop the service and remove its unit; the data stays',
    examples: ['carrel service uninstall'],
  }).action(() => uninstall(context))
}

async function install(context: CommandContext, { listen, print }: InstallOptions): Promise<void> {
  const { output } = context
  const { config } = await loadConfig(context, { ...(listen !== undefined && { listen }) })
  const program = argv[1] ?? ''
  const unit = systemdUnit({
    node: execPath,
    program,
    listen: formatAddress(config.listen),
    drainSeconds: config.drainSeconds,
  })
  if (print === true) {
    output.data(unit)
    return
  }
  requireReadable(program)
  await requireSystemd()
  await writeFile(unitFile, unit, { mode: 0o644 })
  run('systemctl', ['daemon-reload'])
  run('systemctl', ['enable', '--now', 'carrel.service'])
  output.say(
    `carrel runs as a service now and starts with the machine; its data lies in ${stateFolder}`,
  )
  output.say('see the setup link, then what it says: journalctl -u carrel')
}

async function uninstall({ output }: CommandContext): Promise<void> {
  await requireSystemd()
  run('systemctl', ['disable', '--now', 'carrel.service'])
  await rm(unitFile, { force: true })
  run('systemctl', ['daemon-reload'])
  output.say(`the service is gone; its data is still in ${stateFolder}`)
}

/** The service runs as a user of its own, from whom people's homes are hidden. */
function requireReadable(program: string): void {
  if (!/^\/(?:root|home|run\/user)\//.test(program)) return
  const folder = dirname(dirname(dirname(program)))
  throw new CliError(exitCodes.failed, {
    what: `the service could not read ${program}`,
    why: 'it runs as a user of its own, and homes are hidden from it',
    fix: `mv ${folder} /opt/carrel && /opt/carrel/carrel service install`,
  })
}

async function requireSystemd(): Promise<void> {
  try {
    await access('/run/systemd/system')
  } catch (error) {
    const failure = {
      what: 'systemd does not run this machine',
      why: 'there is no /run/systemd/system',
      fix: 'carrel service install --print',
    }
    throw new CliError(exitCodes.failed, failure, error)
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
  if (status === 0) return
  const why = error?.message ?? stderr.trim()
  throw new CliError(exitCodes.failed, { what: `${command} ${args.join(' ')} failed`, why })
}
