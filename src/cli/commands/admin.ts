// `carrel admin link|reset-password|rotate-keys`: for the one who has the machine.
import type { Command } from 'commander'

import { originOf, setupUrl } from '../addresses.ts'
import { addPasswordOptions, addPlaceOptions } from '../common-options.ts'
import { withInstallation } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { checkPasswordOptions, choosePassword } from '../password.ts'
import type { PasswordOptions } from '../password.ts'
import { canAsk } from '../prompt.ts'
import { formatMoment } from '../text.ts'

interface LinkOptions extends PlaceOptions {
  readonly json?: boolean
}

type ResetOptions = LinkOptions & PasswordOptions

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'get in again; replace the keys that sign tokens',
    examples: ['carrel admin link', 'carrel admin reset-password', 'carrel admin rotate-keys'],
  })
  const link = describeCommand(command.command('link'), {
    summary: 'make a new one-time setup link',
    more: 'The link before it no longer works.',
    examples: ['carrel admin link', 'carrel admin link --data /var/lib/carrel'],
    json: '{ "url", "key", "expiresAt" }',
  })
  addPlaceOptions(link).action((options: LinkOptions) => createLink(context, options))
  const reset = describeCommand(command.command('reset-password'), {
    summary: 'give the user admin a new password',
    more: 'Makes the user when it is not there, and an administrator when it is none.\nWithout an option, and without a terminal to ask, a password is made and printed.',
    examples: [
      'carrel admin reset-password',
      'carrel admin reset-password --password-file admin.password',
    ],
    json: '{ "name", "password" only when it was made }',
  })
  addPlaceOptions(addPasswordOptions(reset)).action((options: ResetOptions) =>
    resetPassword(context, options),
  )
  const rotate = describeCommand(command.command('rotate-keys'), {
    summary: 'make a new key that signs registry tokens, and forget the others',
    more: 'For a key that somebody may know: keys are replaced regularly without this.\nAll registry tokens end within five minutes; docker and other clients get new ones by themselves.\nPersonal tokens, robots and sessions are not concerned.',
    examples: ['carrel admin rotate-keys', 'carrel admin rotate-keys --data /var/lib/carrel'],
    json: '{ "kid" }',
  })
  addPlaceOptions(rotate).action((options: LinkOptions) => rotateKeys(context, options))
}

async function rotateKeys(context: CommandContext, options: LinkOptions): Promise<void> {
  const { output } = context
  await withInstallation(context, { place: options }, async (installation) => {
    const { kid } = await installation.replaceSigningKeys()
    if (options.json) output.json({ kid })
    output.say(`registry tokens are signed with a new key, ${kid}`)
    output.say('all tokens of before end within five minutes; clients get new ones by themselves')
  })
}

async function createLink(context: CommandContext, options: LinkOptions): Promise<void> {
  const { output } = context
  await withInstallation(context, { place: options, create: true }, async (it, config) => {
    const { key, expiresAt } = await it.createSetupLink()
    const url = setupUrl(originOf(config), key)
    if (options.json) output.json({ url, key, expiresAt })
    else output.data(`${url}\n`)
    output.say(`good for one use, until ${formatMoment(expiresAt)}`)
  })
}

async function resetPassword(context: CommandContext, options: ResetOptions): Promise<void> {
  checkPasswordOptions(options)
  const { output } = context
  const { io } = output
  await withInstallation(context, { place: options, create: true }, async (installation) => {
    const isGiven = options.passwordStdin || options.passwordFile !== undefined
    const source = isGiven || canAsk(io) ? options : { ...options, generate: true }
    const { generatePassword: generate } = context.composition
    const { password, generated } = await choosePassword({
      io,
      options: source,
      name: 'admin',
      generate,
    })
    const { name } = await installation.resetAdminPassword(password)
    if (options.json) output.json({ name, ...(generated && { password }) })
    else if (generated) output.data(`${password}\n`)
    output.say(`set the password of ${name}`)
  })
}
