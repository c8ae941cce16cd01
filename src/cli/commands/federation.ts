// `carrel federation ls|add|disable|enable|rm|test`.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { OutputOf } from '../../contract/operations.ts'
import { CliError, usageError } from '../cli-error.ts'
import type { CliIo } from '../cli-io.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, gather, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import type { Output } from '../output.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural, printable } from '../text.ts'

type Rule = OutputOf<'federation-rules.show'>
type Test = OutputOf<'federation-rules.test'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

const ruleJson = `"name", "kind", "issuer", "audience", "claims": { claim: value | [values] }, "jwksUrl"?,
   "disabled", "grants", "createdAt", "createdBy"?, "lastSeenAt"?, "warnings"`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'trust CI jobs: they sign in without any secret',
    more: 'A job gives the identity token of its CI system as the password, and oidc as the user name.',
    examples: [
      "carrel federation add main --kind github --claim repository=acme/app --claim ref=refs/heads/main --scope 'web/app:pull,push'",
      'carrel federation test < job.jwt',
      'carrel federation ls',
    ],
  })
  defineLs(command, context)
  defineAdd(command, context)
  defineSwitch(command, context, { verb: 'disable', disabled: true })
  defineSwitch(command, context, { verb: 'enable', disabled: false })
  defineRm(command, context)
  defineTest(command, context)
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list trust rules',
    more: 'Without a terminal: name, kind, issuer, audience, claims, state, grants, last use, tab-separated.',
    examples: ['carrel federation ls', 'carrel federation ls --json'],
    json: `[{ ${ruleJson} }]`,
  })
  addManagementOptions(ls).action(async (options: Options) => {
    const { output } = context
    const rules = await withApi(context, options, async (api) =>
      collect(api.pages('federation-rules.list', { limit: 500 })),
    )
    if (options.json) output.json(rules)
    else output.list(rules, columns)
    if (rules.length === 0 && !options.json) {
      output.say('no trust rules yet; try: carrel federation add NAME --kind github …')
    }
  })
}

interface AddOptions extends Options {
  readonly kind: 'github' | 'gitlab' | 'kubernetes' | 'custom'
  readonly claim?: readonly string[]
  readonly scope?: readonly string[]
  readonly issuer?: string
  readonly audience?: string
  readonly jwksUrl?: string
}

function defineAdd(command: Command, context: CommandContext): void {
  const add = describeCommand(command.command('add'), {
    summary: 'trust jobs whose tokens say what you ask for',
    more: 'All claims must fit; the same claim given twice: either will do. * stands for a part of a value, ** at the end for all the rest.\nThe issuer is asked for its keys at once, so that a wrong one is told now.',
    examples: [
      "carrel federation add main --kind github --claim repository=acme/app --claim ref=refs/heads/main --scope 'web/app:pull,push'",
      "carrel federation add tags --kind gitlab --claim project_id=74 --claim 'ref=v*' --scope 'web/app:writer'",
      "carrel federation add pods --kind kubernetes --issuer https://ISSUER --claim kubernetes.io.namespace=shop --scope 'shop/:pull'",
    ],
    json: `{ ${ruleJson} }`,
  })
  const kinds = ['github', 'gitlab', 'kubernetes', 'custom']
  add
    .argument('<NAME>')
    .addOption(new Option('--kind <KIND>', 'which system').choices(kinds).makeOptionMandatory())
    .option('--claim <CLAIM=VALUE>', 'what the token must say; repeatable', gather)
    .option('--scope <WHERE:ACTIONS>', 'what such jobs may do; repeatable', gather)
    .option('--issuer <URL>', 'who signs the tokens; known for github and gitlab')
    .option('--audience <TEXT>', 'for whom the tokens are made; this registry when left out')
    .option('--jwks-url <URL>', 'where the issuer’s keys are, when it does not tell')
  addManagementOptions(add).action(async (name: string, options: AddOptions) => {
    const { output } = context
    const input = { name, ...termsOf(options) }
    const rule = await withApi(context, options, async (api) =>
      api.call('federation-rules.create', input),
    )
    if (options.json) output.json(rule)
    for (const warning of rule.warnings) output.warn(warning)
    output.say(`made trust rule ${name} with ${plural(rule.grants, 'grant')}`)
    if (rule.grants === 0) output.say(`next: carrel grant add federated:${name} WHERE writer`)
    output.say(`jobs ask for a token with the audience ${rule.audience}, and sign in as oidc`)
  })
}

function termsOf({ kind, claim = [], scope, issuer, audience, jwksUrl }: AddOptions) {
  return {
    kind,
    claims: claimsOf(claim),
    ...(scope !== undefined && { scopes: scope }),
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
    ...(jwksUrl !== undefined && { jwksUrl }),
  }
}

function claimsOf(given: readonly string[]): Record<string, string | string[]> {
  const claims = new Map<string, string[]>()
  for (const text of given) {
    const equals = text.indexOf('=')
    const value = text.slice(equals + 1)
    if (equals < 1 || value === '') {
      throw usageError(`--claim "${text.slice(0, 100)}" is no claim with a value`, {
        fix: '--claim repository=acme/app',
      })
    }
    const name = text.slice(0, equals)
    claims.set(name, [...(claims.get(name) ?? []), value])
  }
  const entries = Array.from(claims, ([name, [first = '', ...others]]) => [
    name,
    others.length === 0 ? first : [first, ...others],
  ])
  return Object.fromEntries(entries) as Record<string, string | string[]>
}

interface Switch {
  readonly verb: 'disable' | 'enable'
  readonly disabled: boolean
}

function defineSwitch(command: Command, context: CommandContext, { verb, disabled }: Switch): void {
  const change = describeCommand(command.command(verb), {
    summary: disabled ? 'stop trusting by a rule, and keep it' : 'trust by a rule again',
    examples: [`carrel federation ${verb} main`],
    json: `{ ${ruleJson} }`,
  })
  addManagementOptions(change.argument('<NAME>')).action(async (name: string, options: Options) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const guess = guessRule(api, name, (near) => `carrel federation ${verb} ${near}`)
      const input = { name, disabled }
      const rule = await guessing(guess, () => api.call('federation-rules.change', input))
      if (options.json) output.json(rule)
      output.say(`${verb}d trust rule ${name}`)
    })
  })
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a trust rule and its grants',
    examples: ['carrel federation rm main --dry-run', 'carrel federation rm main --yes'],
    json: '{ "name", "removed": true|false }',
  })
  rm.argument('<NAME>')
  addManagementOptions(addRemovalOptions(rm)).action(
    async (name: string, options: Options & RemovalOptions) => {
      const { output } = context
      await withApi(context, options, async (api) => {
        const guess = guessRule(api, name, (near) => `carrel federation rm ${near}`)
        const rule = await guessing(guess, () => api.call('federation-rules.show', { name }))
        const held = plural(rule.grants, 'grant')
        const consequences = `jobs no longer sign in by ${name}; its ${held} are removed`
        const agreed = await agreeToRemoval(output, consequences, options)
        if (agreed) {
          await api.call('federation-rules.remove', { name })
          output.say(`removed trust rule ${name}`)
        }
        if (options.json) output.json({ name, removed: agreed })
      })
    },
  )
}

interface TestOptions extends Options {
  readonly rule?: string
}

function defineTest(command: Command, context: CommandContext): void {
  const test = describeCommand(command.command('test'), {
    summary: 'try the identity token of a job: which rule takes it, and why the others do not',
    more: 'The token is read from the file, or from standard input. Nobody is signed in by it.\nExit code 0: a rule takes it; 4: none does.',
    examples: ['carrel federation test job.jwt', 'carrel federation test --rule main - < job.jwt'],
    json: `{ "accepted", "rule"?, "issuer"?, "subject"?, "audience": [], "expiresAt"?, "problem"?,
  "rules": [{ "name", "accepted", "disabled", "problem"?,
    "claims": [{ "name", "ok", "expected": [], "found"? }] }] }`,
  })
  test.argument('[FILE]').option('--rule <NAME>', 'ask this rule alone')
  addManagementOptions(test).action(async (file: string | undefined, options: TestOptions) => {
    const { output } = context
    const token = await readToken(output.io, file)
    const { rule } = options
    const input = { token, ...(rule !== undefined && { rule }) }
    const tested = await withApi(context, options, async (api) => {
      const call = async () => api.call('federation-rules.test', input)
      if (rule === undefined) return call()
      return guessing(
        guessRule(api, rule, (near) => `carrel federation test --rule ${near}`),
        call,
      )
    })
    if (options.json) output.json(tested)
    else printTest(output, tested)
    if (!tested.accepted) context.exitCode = exitCodes.denied
  })
}

const longestToken = 16 * 1024

async function readToken(io: CliIo, file: string | undefined): Promise<string> {
  const isInput = file === undefined || file === '-'
  const text = isInput ? await readInput(io) : await readTokenFile(resolve(io.cwd, file), file)
  const token = text.trim()
  const from = isInput ? 'standard input' : file
  if (token === '') throw usageError(`no token came from ${from}: it was empty`)
  if (token.length <= longestToken && !/\s/.test(token)) return token
  throw usageError(`what came from ${from} is no identity token`, {
    why: 'it is one line of three parts with dots between',
  })
}

async function readInput({ stdin }: CliIo): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
    chunks.push(Buffer.from(chunk))
    length += chunk.length
    if (length > 2 * longestToken) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function readTokenFile(path: string, given: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CliError(exitCodes.usage, { what: `${given} cannot be read (${code})` }, error)
  })
}

/** Data: one rule a line with whether it takes the token, and why not. The rest is said. */
function printTest(output: Output, test: Test): void {
  const { issuer, subject, audience, expiresAt, problem, rules } = test
  if (output.terminal) {
    const ends = expiresAt === undefined ? '' : formatMoment(new Date(expiresAt))
    const about = { issuer, subject, audience: audience.join(' '), until: ends }
    for (const [label, value = ''] of Object.entries(about)) {
      output.data(`${output.paint('bold', label.padEnd(9))} ${printable(value)}\n`)
    }
  }
  for (const rule of rules) {
    const verdict = rule.accepted ? 'accepted' : 'refused'
    const fields = [rule.name, verdict, reasonsOf(rule).join('; ')].map(printable)
    output.data(`${fields.join(output.terminal ? '  ' : '\t').trimEnd()}\n`)
  }
  if (problem !== undefined) output.say(problem)
  output.say(
    test.rule === undefined
      ? 'nobody would be signed in by this token'
      : `it signs in as ${test.rule}`,
  )
}

function reasonsOf({ disabled, problem, claims }: Test['rules'][number]): readonly string[] {
  const differing = claims.filter(({ ok }) => !ok)
  return [
    ...(disabled ? ['the rule is disabled'] : []),
    ...(problem === undefined ? [] : [problem]),
    ...differing.map(({ name, expected, found }) => {
      const is = found === undefined ? 'is not there' : `is ${found}`
      return `${name} ${is}, wanted: ${expected.join(' or ')}`
    }),
  ]
}

function guessRule(api: ApiClient, name: string, fix: (near: string) => string) {
  const known = async () =>
    (await collect(api.pages('federation-rules.list', { limit: 500 }))).map((one) => one.name)
  return { name, known, fix, otherwise: 'carrel federation ls' }
}

const columns: readonly Column<Rule>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'kind', show: ({ kind }) => kind },
  { title: 'issuer', show: ({ issuer }) => issuer },
  { title: 'audience', show: ({ audience }) => audience },
  { title: 'claims', show: ({ claims }) => Object.entries(claims).map(formatClaim).join(' ') },
  { title: 'state', show: ({ disabled }) => (disabled ? 'disabled' : 'active') },
  { title: 'grants', show: ({ grants }) => String(grants), align: 'right' },
  {
    title: 'last used',
    show: ({ lastSeenAt }) =>
      lastSeenAt === undefined ? 'never' : formatMoment(new Date(lastSeenAt)),
    plain: ({ lastSeenAt }) => lastSeenAt ?? '',
  },
]

function formatClaim([name, value]: readonly [string, string | readonly string[]]): string {
  return `${name}=${typeof value === 'string' ? value : value.join('|')}`
}
