// Robots and trust rules as people look at them: who made them, and how much was given to them. They are principals
// like any other (principals.ts), and their tokens are tokens like any other (tokens.ts).
import type { Kysely } from 'kysely'
import type { Reader } from './metadata-store.ts'
import { query } from './query.ts'
import type { Schema } from './schema.ts'

export type MachineKind = 'robot' | 'federated'

export interface MachineRow {
  readonly id: number
  readonly kind: MachineKind
  readonly name: string
  readonly description: string
  readonly disabled: boolean
  readonly createdAt: number
  /** Undefined when a command beside the data made it; without a name when the maker is gone. */
  readonly createdBy: { readonly id: number; readonly name: string | undefined } | undefined
  readonly lastSeenAt: number | undefined
  /** How many of its own; what its teams hold is not counted. */
  readonly grants: number
}

function machines(db: Kysely<Schema>) {
  return db
    .selectFrom('principals as p')
    .leftJoin('principals as maker', 'maker.id', 'p.created_by')
    .select([
      'p.id',
      'p.kind',
      'p.name',
      'p.display_name as description',
      'p.disabled_at as disabledAt',
      'p.created_at as createdAt',
      'p.created_by as makerId',
      'maker.name as makerName',
      'p.last_seen_at as lastSeenAt',
    ])
    .select((row) =>
      row
        .selectFrom('grants as g')
        .select((of) => of.fn.countAll<number>().as('count'))
        .whereRef('g.principal_id', '=', 'p.id')
        .as('grants'),
    )
}

interface RawMachine {
  readonly id: number
  readonly kind: string
  readonly name: string
  readonly description: string | null
  readonly disabledAt: number | null
  readonly createdAt: number
  readonly makerId: number | null
  readonly makerName: string | null
  readonly lastSeenAt: number | null
  readonly grants: number | null
}

const byName = query<{ kind: string; name: string }>()((db, p) =>
  machines(db).where('p.name', '=', p.name).where('p.kind', '=', p.kind),
)

/** Undefined when there is nobody of that name, or somebody of another kind. */
export async function findMachine(
  reader: Reader,
  kind: MachineKind,
  name: string,
): Promise<MachineRow | undefined> {
  // Nobody has such a name, and PostgreSQL cannot even be asked for it.
  if (name.includes('\0') || !name.isWellFormed()) return undefined
  const raw = await reader.one(byName, { kind, name })
  return raw && machineOf(raw)
}

interface PageParameters {
  readonly kind: string
  readonly createdBy: number
  readonly after: number
  readonly limit: number
}

function pageBy(db: Kysely<Schema>, p: PageParameters) {
  return machines(db)
    .where('p.kind', '=', p.kind)
    .where('p.id', '>', p.after)
    .orderBy('p.id')
    .limit(p.limit)
}

const page = query<PageParameters>()(pageBy)

const pageOfMaker = query<PageParameters>()((db, p) =>
  pageBy(db, p).where('p.created_by', '=', p.createdBy),
)

/** At most `limit` of them after the one with the id `after` (0 for the first page), by id. */
export async function listMachines(
  reader: Reader,
  kind: MachineKind,
  {
    createdBy,
    ...place
  }: {
    /** Only those that this principal made. */
    readonly createdBy?: number | undefined
    readonly after: number
    readonly limit: number
  },
): Promise<readonly MachineRow[]> {
  const rows =
    createdBy === undefined
      ? await reader.all(page, { kind, createdBy: 0, ...place })
      : await reader.all(pageOfMaker, { kind, createdBy, ...place })
  return rows.map(machineOf)
}

function machineOf(raw: RawMachine): MachineRow {
  return {
    id: raw.id,
    kind: raw.kind as MachineKind,
    name: raw.name,
    description: raw.description ?? '',
    disabled: raw.disabledAt !== null,
    createdAt: raw.createdAt,
    createdBy:
      raw.makerId === null ? undefined : { id: raw.makerId, name: raw.makerName ?? undefined },
    lastSeenAt: raw.lastSeenAt ?? undefined,
    grants: Number(raw.grants ?? 0),
  }
}
