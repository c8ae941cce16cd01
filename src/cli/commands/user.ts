// `carrel user ls|show|create|edit|disable|enable|passwd|totp off|rm`.
import type { Command } from 'commander'

import { ApiError, type ApiClient } from '../../contract/client.ts'
import type { ItemOf, OutputOf } from '../../contract/operations.ts'
import { addPasswordOptions, addRemovalOptions } from '../common-options.ts'
import type { CliIo } from '../cli-io.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import { checkPasswordOptions, choosePassword } from '../password.ts'
import type { PasswordOptions } from '../password.ts'
import { askHidden, canAsk } from '../prompt.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatMoment } from '../text.ts'
import { defineChanges } from './user-changes.ts'
import { defineTotp } from './user-totp.ts'
import { defineShow, guessUser } from './user-show.ts'

interface Options extends ManagementOptions {
  readonly json?: boolean
}

type PasswdOptions = Options & PasswordOptions
type CreateOptions = PasswdOptions & { readonly admin?: boolean }
type RmOptions = Options & RemovalOptions

const userJson = '"name", "admin", "disabled", "provider", "createdAt"'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'list, make, change and remove users; set passwords',
    examples: [
      'carrel user ls',
      'carrel user create ann --generate',
      'carrel user passwd ann',
      'carrel user disable ann',
    ],
  })
  defineLs(command, context)
  defineShow(command, context)
  defineCreate(command, context)
  defineChanges(command, context)
  defineTotp(command, context)
  definePasswd(command, context)
  defineRm(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list users',
    examples: ['carrel user ls', 'carrel user ls --json'],
    json: `[{ ${userJson} }]`,
  })
  addManagementOptions(ls).action(async (options: Options) => {
    const users = await withApi(context, options, async (api) =>
      collect(api.pages('users.list', { limit: 500 })),
    )
    if (options.json) context.output.json(users.map(userForJson))
    else context.output.list(users, columns)
  })
}

function defineCreate(command: Command, context: CommandContext): void {
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
  addManagementOptions(addPasswordOptions(create)).action(
    async (name: string, options: CreateOptions) => {
      checkPasswordOptions(options)
      await withApi(context, options, async (api) => createUser(context, api, name, options), {
        create: true,
      })
    },
  )
}

async function createUser(
  { composition, output }: CommandContext,
  api: ApiClient,
  name: string,
  options: CreateOptions,
): Promise<void> {
  const { generatePassword: generate } = composition
  const { password, generated } = await choosePassword({ io: output.io, options, name, generate })
  const user = await api.call('users.create', { name, password, admin: options.admin === true })
  if (options.json) output.json({ ...userForJson(user), ...(generated && { password }) })
  else if (generated) output.data(`${password}\n`)
  output.say(`made ${user.admin ? 'administrator' : 'user'} ${name}`)
}

function definePasswd(command: Command, context: CommandContext): void {
  const passwd = describeCommand(command.command('passwd'), {
    summary: 'set the password of a user',
    examples: ['carrel user passwd ann', 'carrel user passwd ann --password-file new.password'],
    json: '{ "name", "password" only with --generate }',
  })
  passwd.argument('<NAME>')
  addManagementOptions(addPasswordOptions(passwd)).action(
    async (name: string, options: PasswdOptions) => {
      checkPasswordOptions(options)
      await withApi(context, options, async (api) => setPassword(context, api, name, options))
    },
  )
}

async function setPassword(
  { composition, output }: CommandContext,
  api: ApiClient,
  name: string,
  options: PasswdOptions,
): Promise<void> {
  const { generatePassword: generate } = composition
  const { password, generated } = await choosePassword({ io: output.io, options, name, generate })
  const guess = guessUser(api, name, (near) => `carrel user passwd ${near}`)
  await guessing(guess, async () => sendPassword(output.io, api, { name, password }))
  if (options.json) output.json({ name, ...(generated && { password }) })
  else if (generated) output.data(`${password}\n`)
  output.say(`set the password of ${name}`)
}

/** Whoever sets their own is asked for the present one, when the server wants to know it. */
async function sendPassword(
  io: CliIo,
  api: ApiClient,
  input: { readonly name: string; readonly password: string },
): Promise<void> {
  try {
    await api.call('users.password', input)
  } catch (error) {
    const isAskedFor =
      error instanceof ApiError && error.problem.errors?.some(({ path }) => path === 'current')
    if (isAskedFor !== true || !canAsk(io)) throw error
    const current = await askHidden(io, `Present password of ${input.name}: `)
    await api.call('users.password', { ...input, current })
  }
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a user',
    more: 'Repositories of the user stay.',
    examples: ['carrel user rm ann', 'carrel user rm ann --yes'],
    json: '{ "name", "removed": true|false }',
  })
  rm.argument('<NAME>')
  addManagementOptions(addRemovalOptions(rm)).action(async (name: string, options: RmOptions) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const guess = guessUser(api, name, (near) => `carrel user rm ${near}`)
      await guessing(guess, async () => api.call('users.show', { name }))
      const consequences = `user ${name} can no longer sign in; repositories below ${name}/ stay`
      const agreed = await agreeToRemoval(output, consequences, options)
      if (agreed) {
        await guessing(guess, async () => api.call('users.remove', { name }))
        output.say(`removed user ${name}`)
      }
      if (options.json) output.json({ name, removed: agreed })
    })
  })
}

const columns: readonly Column<ItemOf<'users.list'>>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'role', show: ({ admin }) => (admin ? 'admin' : 'user') },
  { title: 'state', show: ({ disabled }) => (disabled ? 'disabled' : 'active') },
  { title: 'from', show: ({ provider }) => provider },
  {
    title: 'created',
    show: ({ createdAt }) => formatMoment(new Date(createdAt)),
    plain: ({ createdAt }) => createdAt,
  },
]

function userForJson({ name, admin, disabled, provider, createdAt }: OutputOf<'users.create'>) {
  return { name, admin, disabled, provider, createdAt }
}
