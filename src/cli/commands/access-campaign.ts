// `carrel access campaign open|ls|show|decide|close|evidence`: somebody looks at every grant of a place by a deadline.
import type { Command } from 'commander'

import type { OutputOf } from '../../contract/operations.ts'
import { usageError } from '../cli-error.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { parseExpiry } from '../duration.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural } from '../text.ts'

type Review = OutputOf<'access-reviews.show'>
type Item = OutputOf<'access-reviews.decide'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

const reviewJson = `"id", "name", "where", "owner"?, "createdAt", "createdBy"?, "dueAt", "closedAt"?,
  "items", "open"`
const itemJson = `"grantId", "snapshot", "current"?, "decision"?: "keep"|"remove"|"shrink", "decidedAt"?,
   "decidedBy"?, "note"`

export function defineCampaign(command: Command, context: CommandContext): void {
  const campaign = describeCommand(command.command('campaign'), {
    summary: 'have somebody decide on every grant of a place, by a deadline',
    more: 'What nobody has decided on when it ends is taken away. The result is signed and kept.',
    examples: [
      'carrel access campaign open "spring 2027" --where web/ --owner ann --due 14d',
      'carrel access campaign show 3 --undecided',
      'carrel access campaign decide 3 7 keep --note "on call"',
      'carrel access campaign evidence 3 > review.json',
    ],
  })
  defineOpen(campaign, context)
  defineLs(campaign, context)
  defineShow(campaign, context)
  defineDecide(campaign, context)
  defineClose(campaign, context)
  defineEvidence(campaign, context)
}

interface OpenOptions extends Options {
  readonly where: string
  readonly owner: string
  readonly due: string
}

function defineOpen(campaign: Command, context: CommandContext): void {
  const open = describeCommand(campaign.command('open'), {
    summary: 'begin a review of every grant on a place and within it',
    examples: [
      'carrel access campaign open "spring 2027" --where web/ --owner ann --due 14d',
      'carrel access campaign open everything --owner ann --due 2027-03-31',
    ],
    json: `{ ${reviewJson} }`,
  })
  open
    .argument('<NAME>')
    .requiredOption('--owner <USER>', 'who decides')
    .requiredOption('--due <WHEN>', 'when it ends: 14d or 2027-03-31')
    .option('--where <WHERE>', 'the place, with all within it', '*')
  addManagementOptions(open).action(async (name: string, options: OpenOptions) => {
    const { output } = context
    const { owner, where } = options
    const dueAt = parseExpiry(options.due, '--due')
    if (dueAt === null) throw usageError('a review must end', { fix: '--due 14d' })
    const review = await withApi(context, options, async (api) =>
      api.call('access-reviews.create', { name, where, owner, dueAt }),
    )
    if (options.json) output.json(review)
    output.say(`${owner} decides on ${plural(review.items, 'grant')} until ${timeOf(review.dueAt)}`)
    output.say(`what is undecided then ends; see it with: carrel access campaign show ${review.id}`)
  })
}

function defineLs(campaign: Command, context: CommandContext): void {
  const ls = describeCommand(campaign.command('ls'), {
    summary: 'list reviews',
    examples: ['carrel access campaign ls', 'carrel access campaign ls --open'],
    json: `[{ ${reviewJson} }]`,
  })
  ls.option('--open', 'only those that are not closed')
  addManagementOptions(ls).action(async (options: Options & { readonly open?: boolean }) => {
    const { output } = context
    const filter = options.open === true ? { open: true } : {}
    const reviews = await withApi(context, options, async (api) =>
      collect(api.pages('access-reviews.list', { ...filter, limit: 500 })),
    )
    if (options.json) output.json(reviews)
    else output.list(reviews, reviewColumns)
    if (reviews.length === 0 && !options.json) output.say('no reviews')
  })
}

function defineShow(campaign: Command, context: CommandContext): void {
  const show = describeCommand(campaign.command('show'), {
    summary: 'show a review with its grants and what was decided',
    examples: ['carrel access campaign show 3', 'carrel access campaign show 3 --undecided --json'],
    json: `{ ${reviewJson},\n  "grants": [{ ${itemJson} }] }`,
  })
  show.argument('<ID>').option('--undecided', 'only what nobody has decided on')
  addManagementOptions(show).action(
    async (text: string, options: Options & { readonly undecided?: boolean }) => {
      const { output } = context
      const id = parseId(text)
      const filter = options.undecided === true ? { undecided: true } : {}
      const { review, items } = await withApi(context, options, async (api) => ({
        review: await api.call('access-reviews.show', { id }),
        items: await collect(api.pages('access-reviews.items', { id, ...filter, limit: 500 })),
      }))
      if (options.json) output.json({ ...review, grants: items })
      else output.list(items, itemColumns)
      output.say(summaryOf(review))
    },
  )
}

function defineDecide(campaign: Command, context: CommandContext): void {
  const decide = describeCommand(campaign.command('decide'), {
    summary: 'decide about a grant; it is done at once',
    more:
      'keep: nothing changes. remove: it ends. shrink: it loses the actions that nobody ever used.\n' +
      'A decision can become stricter later, and is never taken back.',
    examples: [
      'carrel access campaign decide 3 7 keep --note "on call"',
      'carrel access campaign decide 3 9 remove',
    ],
    json: `{ ${itemJson} }`,
  })
  decide
    .argument('<ID>')
    .argument('<GRANT>')
    .argument('<keep|remove|shrink>')
    .option('--note <TEXT>', 'why, for whoever reads the evidence')
  addManagementOptions(decide).action(
    async (
      review: string,
      grant: string,
      word: string,
      options: Options & { readonly note?: string },
    ) => {
      const { output } = context
      const input = { id: parseId(review), grantId: parseId(grant), decision: parseDecision(word) }
      const note = options.note === undefined ? {} : { note: options.note }
      const item = await withApi(context, options, async (api) =>
        api.call('access-reviews.decide', { ...input, ...note }),
      )
      if (options.json) output.json(item)
      output.say(`${item.snapshot.who}: ${nowOf(item)}`)
    },
  )
}

function parseDecision(word: string): 'keep' | 'remove' | 'shrink' {
  if (word === 'keep' || word === 'remove' || word === 'shrink') return word
  throw usageError(`"${word.slice(0, 40)}" is no decision`, { fix: 'keep, remove or shrink' })
}

function defineClose(campaign: Command, context: CommandContext): void {
  const close = describeCommand(campaign.command('close'), {
    summary: 'end a review now: what is undecided is taken away',
    examples: ['carrel access campaign close 3 --dry-run', 'carrel access campaign close 3 --yes'],
    json: `{ ${reviewJson} }`,
  })
  addManagementOptions(addRemovalOptions(close.argument('<ID>'))).action(
    async (text: string, options: Options & RemovalOptions) => {
      const { output } = context
      const id = parseId(text)
      await withApi(context, options, async (api) => {
        const review = await api.call('access-reviews.show', { id })
        const lost = `${plural(review.open, 'grant')} on ${review.where} that nobody decided on`
        const consequences =
          review.open === 0
            ? `the review ${review.name} is closed, and signed as it is`
            : `${lost} ${review.open === 1 ? 'ends' : 'end'} now`
        const agreed = await agreeToRemoval(output, consequences, options)
        const closed = agreed ? await api.call('access-reviews.close', { id }) : review
        if (options.json) output.json(closed)
        if (agreed) output.say(`closed; the evidence: carrel access campaign evidence ${id}`)
      })
    },
  )
}

function defineEvidence(campaign: Command, context: CommandContext): void {
  const evidence = describeCommand(campaign.command('evidence'), {
    summary: 'print the signed result of a review that has ended',
    more:
      'Printed byte for byte as it was signed; the signature is said beside it, and is in --json. ' +
      'Keep the SHA-256 and the key elsewhere.',
    examples: [
      'carrel access campaign evidence 3 > review.json',
      'carrel access campaign evidence 3 --csv > review.csv',
      'carrel access campaign evidence 3 --json > signed.json',
    ],
    json: '{ "format", "content", "signature": Ed25519 in base64url, "keyId", "publicKey": JWK }',
  })
  evidence.argument('<ID>').option('--csv', 'the same as a table')
  addManagementOptions(evidence).action(
    async (text: string, options: Options & { readonly csv?: boolean }) => {
      const { output } = context
      const format = options.csv === true ? ('csv' as const) : ('json' as const)
      const signed = await withApi(context, options, async (api) =>
        api.call('access-reviews.evidence', { id: parseId(text), format }),
      )
      if (options.json) output.json(signed)
      else output.data(signed.content)
      output.say(`signed with key ${signed.keyId} (Ed25519): ${signed.signature}`)
    },
  )
}

/** @throws {CliError} usage */
export function parseId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw usageError(`"${text.slice(0, 40)}" is no number of a grant or review`, {
    fix: 'carrel grant ls, or carrel access campaign ls',
  })
}

function summaryOf({ name, where, owner, items, open, dueAt, closedAt }: Review): string {
  const state =
    closedAt === undefined
      ? `${owner ?? 'nobody'} decides until ${timeOf(dueAt)}; ${open} of ${items} are undecided`
      : `closed ${timeOf(closedAt)}`
  return `${name} (${where}): ${state}`
}

function timeOf(time: string): string {
  return formatMoment(new Date(time))
}

function nowOf({ current, decision }: Item): string {
  if (current === undefined) return 'the grant is gone'
  return `${decision ?? 'undecided'}, ${current.actions.join(',')} on ${current.where}`
}

const reviewColumns: readonly Column<Review>[] = [
  { title: 'id', show: ({ id }) => String(id), align: 'right' },
  { title: 'name', show: ({ name }) => name },
  { title: 'where', show: ({ where }) => where },
  { title: 'owner', show: ({ owner = '' }) => owner },
  { title: 'grants', show: ({ items }) => String(items), align: 'right' },
  { title: 'undecided', show: ({ open }) => String(open), align: 'right' },
  { title: 'due', show: ({ dueAt }) => timeOf(dueAt), plain: ({ dueAt }) => dueAt },
  {
    title: 'closed',
    show: ({ closedAt }) => (closedAt === undefined ? '' : timeOf(closedAt)),
    plain: ({ closedAt = '' }) => closedAt,
  },
]

const itemColumns: readonly Column<Item>[] = [
  { title: 'grant', show: ({ grantId }) => String(grantId), align: 'right' },
  { title: 'who', show: ({ snapshot }) => snapshot.who },
  { title: 'where', show: ({ snapshot }) => snapshot.where },
  { title: 'had', show: ({ snapshot }) => snapshot.actions.join(',') },
  { title: 'has', show: ({ current }) => current?.actions.join(',') ?? '' },
  { title: 'used', show: ({ snapshot }) => snapshot.actionsUsed.join(',') },
  { title: 'decision', show: ({ decision = '' }) => decision },
  { title: 'by', show: ({ decidedBy = '' }) => decidedBy },
  { title: 'look', show: ({ snapshot }) => snapshot.flags.join(',') },
  { title: 'note', show: ({ note }) => note },
]
