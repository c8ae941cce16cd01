// `carrel user totp on|off`: one's own second factor is switched on over the network, where one is somebody.
import type { Command } from 'commander'

import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import { askOnTerminal } from '../prompt.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import { guessUser } from './user-show.ts'

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface OnOptions extends Options {
  readonly code?: string
}

export function defineTotp(command: Command, context: CommandContext): void {
  const totp = describeCommand(command.command('totp').usage('COMMAND [options]'), {
    summary: 'second factors: your own on, those of users who lost theirs off',
    examples: [
      'carrel user totp on --host https://registry.example.com',
      'carrel user totp off ann',
    ],
  })
  defineOn(totp, context)
  defineOff(totp, context)
}

function defineOn(totp: Command, context: CommandContext): void {
  const on = describeCommand(totp.command('on'), {
    summary: 'use a second factor yourself: codes of an authenticator app',
    more:
      'The secret for the app is shown, then a code of the app is asked for. Recovery codes go to standard output: each ' +
      'works once in place of a code. From then on the password alone signs in nowhere; tokens go on working.\n' +
      'Without a terminal, run it once to see the secret and once more with --code.',
    examples: [
      'carrel user totp on --host https://registry.example.com',
      'carrel user totp on --host https://registry.example.com --code 123456',
    ],
    json: '{ "recoveryCodes": ["…"] } with a code; else { "secret", "uri" }',
  })
  on.option('--code <CODE>', 'a code of the app that has the secret already')
  addManagementOptions(on).action(async (options: OnOptions) => {
    const { output } = context
    if (options.host === undefined) {
      throw usageError('a second factor is switched on at a server, by whoever it is for', {
        fix: 'carrel user totp on --host URL',
      })
    }
    await withApi(context, options, async (api) => {
      if (options.code === undefined) {
        const { secret, uri } = await api.call('totp.start', {})
        output.say(`secret for the app: ${secret}\nor, as a QR code:   ${uri}`)
        const asked = await askOnTerminal(output.io, 'Code of the app: ')
        if (asked === undefined) {
          if (options.json) output.json({ secret, uri })
          output.say('then run: carrel user totp on --host URL --code CODE')
          return
        }
        return confirm(asked)
      }
      return confirm(options.code)

      async function confirm(code: string): Promise<void> {
        const { recoveryCodes } = await api.call('totp.confirm', { code: code.trim() })
        if (options.json) output.json({ recoveryCodes })
        else output.data(`${recoveryCodes.join('\n')}\n`)
        output.say('your second factor is on; keep the recovery codes, they are shown this once')
      }
    })
  })
}

function defineOff(totp: Command, context: CommandContext): void {
  const off = describeCommand(totp.command('off'), {
    summary: 'switch the second factor of a user off',
    more: 'From then on the password alone is enough, until the user switches it on again.',
    examples: ['carrel user totp off ann', 'carrel user totp off ann --yes'],
    json: '{ "name", "removed": true|false }',
  })
  off.argument('<NAME>')
  addManagementOptions(addRemovalOptions(off)).action(
    async (name: string, options: Options & RemovalOptions) => {
      const { output } = context
      await withApi(context, options, async (api) => {
        const guess = guessUser(api, name, (near) => `carrel user totp off ${near}`)
        const user = await guessing(guess, async () => api.call('users.show', { name }))
        // Without a second factor there is nothing to ask about: the server says so.
        const consequences = `${name} signs in with the password alone; recovery codes no longer work`
        const agreed = !user.totp || (await agreeToRemoval(output, consequences, options))
        if (agreed) {
          await api.call('users.stopTotp', { name })
          output.say(`switched the second factor of ${name} off`)
        }
        if (options.json) output.json({ name, removed: agreed })
      })
    },
  )
}
