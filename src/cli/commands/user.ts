// `carrel user ls|create|passwd|rm`.
import type { Command } from 'commander'

import { addPasswordOptions, addPlaceOptions, addRemovalOptions } from '../common-options.ts'
import type { Installation, UserSummary } from '../composition.ts'
import { withInstallation } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { guessing } from '../not-found.ts'
import { checkPasswordOptions, choosePassword } from '../password.ts'
import type { PasswordOptions } from '../password.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatMoment } from '../text.ts'

interface JsonOption {
  readonly json?: boolean
}

const userJson = '"name", "admin", "disabled", "provider", "createdAt"'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'list, make and remove users; set passwords',
    examples: ['carrel user ls', 'carrel user create ann --generate', 'carrel user passwd ann'],
  })
  const ls = describeCommand(command.command('ls'), {
    summary: 'list users',
    examples: ['carrel user ls', 'carrel user ls --json'],
    json: `[{ ${userJson} }]`,
  })
  addPlaceOptions(ls).action((options: PlaceOptions & JsonOption) => listUsers(context, options))

  const create = describeCommand(command.command('create'), {
    summary: 'make a user',
    more: 'The namespace that bears the name, such as ann/, belongs to the user.\nIn a terminal the password is asked for when it is not given.',
    examples: [
      'carrel user create ann',
      'carrel user create ann --password-stdin < ann.password',
      'carrel user create ann --generate --admin',
    ],
    json: `{ ${userJson},\n  "password" only with --generate }`,
  })
  create.argument('<NAME>').option('--admin', 'may do everything')
  addPlaceOptions(addPasswordOptions(create)).action((name: string, options: CreateOptions) =>
    createUser(context, name, options),
  )

  const passwd = describeCommand(command.command('passwd'), {
    summary: 'set the password of a user',
    examples: ['carrel user passwd ann', 'carrel user passwd ann --password-file new.password'],
    json: '{ "name", "password" only with --generate }',
  })
  passwd.argument('<NAME>')
  addPlaceOptions(addPasswordOptions(passwd)).action((name: string, options: PasswdOptions) =>
    setPassword(context, name, options),
  )

  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a user',
    more: 'Repositories of the user stay.',
    examples: ['carrel user rm ann', 'carrel user rm ann --yes'],
    json: '{ "name", "removed": true|false }',
  })
  rm.argument('<NAME>')
  addPlaceOptions(addRemovalOptions(rm)).action((name: string, options: RmOptions) =>
    removeUser(context, name, options),
  )
}

type PasswdOptions = PlaceOptions & PasswordOptions & JsonOption
type CreateOptions = PasswdOptions & { readonly admin?: boolean }
type RmOptions = PlaceOptions & RemovalOptions & JsonOption

const columns: readonly Column<UserSummary>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'role', show: ({ admin }) => (admin ? 'admin' : 'user') },
  { title: 'state', show: ({ disabled }) => (disabled ? 'disabled' : 'active') },
  { title: 'from', show: ({ provider }) => provider },
  {
    title: 'created',
    show: ({ createdAt }) => formatMoment(createdAt),
    plain: ({ createdAt }) => createdAt.toISOString(),
  },
]

async function listUsers(context: CommandContext, options: PlaceOptions & JsonOption) {
  const users = await withInstallation(context, { place: options }, (it) => it.listUsers())
  if (options.json) context.output.json(users.map(userForJson))
  else context.output.list(users, columns)
}

async function createUser(context: CommandContext, name: string, options: CreateOptions) {
  checkPasswordOptions(options)
  const { output } = context
  await withInstallation(context, { place: options, create: true }, async (installation) => {
    const generate = () => installation.generatePassword()
    const { password, generated } = await choosePassword({ io: output.io, options, name, generate })
    const user = await installation.createUser({ name, password, admin: options.admin === true })
    if (options.json) output.json({ ...userForJson(user), ...(generated && { password }) })
    else if (generated) output.data(`${password}\n`)
    output.say(`made ${user.admin ? 'administrator' : 'user'} ${name}`)
  })
}

async function setPassword(context: CommandContext, name: string, options: PasswdOptions) {
  checkPasswordOptions(options)
  const { output } = context
  await withInstallation(context, { place: options }, async (installation) => {
    const generate = () => installation.generatePassword()
    const { password, generated } = await choosePassword({ io: output.io, options, name, generate })
    const guess = guessUser(installation, name, (near) => `carrel user passwd ${near}`)
    await guessing(guess, () => installation.setPassword(name, password))
    if (options.json) output.json({ name, ...(generated && { password }) })
    else if (generated) output.data(`${password}\n`)
    output.say(`set the password of ${name}`)
  })
}

async function removeUser(context: CommandContext, name: string, options: RmOptions) {
  const { output } = context
  await withInstallation(context, { place: options }, async (installation) => {
    const guess = guessUser(installation, name, (near) => `carrel user rm ${near}`)
    const remove = () => guessing(guess, () => installation.removeUser(name))
    // Without such a user there is nothing to ask about: the installation says so.
    if (!(await guess.known()).includes(name)) {
      await remove()
      return
    }
    const consequences = `user ${name} can no longer sign in; repositories below ${name}/ stay`
    const agreed = await agreeToRemoval(output, consequences, options)
    if (agreed) {
      await remove()
      output.say(`removed user ${name}`)
    }
    if (options.json) output.json({ name, removed: agreed })
  })
}

function guessUser(installation: Installation, name: string, fix: (near: string) => string) {
  const known = async () => (await installation.listUsers()).map((user) => user.name)
  return { name, known, fix, otherwise: 'carrel user ls' }
}

function userForJson({ name, admin, disabled, provider, createdAt }: UserSummary) {
  return { name, admin, disabled, provider, createdAt }
}
