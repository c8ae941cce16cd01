// `carrel registry …`: the command line of registry:2, for whoever started that one with a config.yml and REGISTRY_*
// variables. Its own reference: distribution v3.0.0 registry/root.go.
import { Argument } from 'commander'
import type { Command } from 'commander'

import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { defineGarbageCollect } from './registry-garbage.ts'
import { addServerOptions, serve } from './serve.ts'
import type { ServerFlags } from './serve.ts'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'take the place of registry:2: its commands, its configuration',
    more: 'Reads the config.yml and the REGISTRY_* variables of registry:2 and registry:3. Settings of Carrel go before them.',
    examples: [
      'carrel registry serve /etc/docker/registry/config.yml',
      'carrel config show --registry /etc/docker/registry/config.yml',
    ],
  })
  // `registry -v`: the program takes -v for --verbose before we see it.
  command.argument('[WORD...]').action(([word, of]: readonly string[]) => {
    const { composition, output } = context
    const { verbose } = command.optsWithGlobals<{ readonly verbose?: boolean }>()
    if (word === undefined && verbose === true) output.data(`carrel ${composition.version}\n`)
    else if (word === 'help')
      (command.commands.find((each) => each.name() === of) ?? command).outputHelp()
    else command.help({ error: true })
  })
  defineServe(command, context)
  defineGarbageCollect(command, context)
}

const configArgument = () =>
  new Argument(
    '[CONFIG]',
    'config.yml; else REGISTRY_CONFIGURATION_PATH, else where images have it',
  )

function defineServe(command: Command, context: CommandContext): void {
  const serving = describeCommand(command.command('serve'), {
    summary: 'serve what a config.yml of registry:2 says',
    more:
      'Without a file: REGISTRY_CONFIGURATION_PATH, /etc/docker/registry/config.yml, /etc/distribution/config.yml, or what the image of registry:2 holds.\n' +
      'Plain HTTP is answered to everybody unless http.tls is set, as registry:2 does. Images without a tag stay until CARREL_KEEP_UNTAGGED says otherwise.',
    examples: [
      'carrel registry serve /etc/docker/registry/config.yml',
      'REGISTRY_STORAGE_DELETE_ENABLED=true carrel registry serve',
    ],
  })
  serving.addArgument(configArgument())
  addServerOptions(serving)
  serving.action(async (file: string | undefined, options: ServerFlags) => {
    const asRegistry2 = file === undefined ? {} : { file }
    await serve(context, options, { friendly: false, asRegistry2 })
  })
}
