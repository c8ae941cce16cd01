// A directory in memory, whose records a test changes as an administrator would.
import type { HeldGrant } from '../held-grant.ts'
import type {
  PrincipalDirectory,
  PrincipalRecord,
  SecretRecord,
  TokenRecord,
} from '../principal.ts'
import { aRecord } from './identities.ts'

export class Directory implements PrincipalDirectory {
  readonly records = new Map<number, PrincipalRecord>()
  reads = 0
  isBroken = false

  add(name: string, changes: Partial<PrincipalRecord> = {}): PrincipalRecord {
    const record = aRecord(name, { id: this.records.size + 1, ...changes })
    this.records.set(record.id, record)
    return record
  }

  change(record: PrincipalRecord, changes: Partial<PrincipalRecord>): void {
    this.records.set(record.id, { ...record, ...changes })
  }

  findByName(name: string): Promise<PrincipalRecord | undefined> {
    this.reads++
    if (this.isBroken) return Promise.reject(new Error('no database'))
    return Promise.resolve([...this.records.values()].find((record) => record.name === name))
  }

  findById(id: number): Promise<PrincipalRecord | undefined> {
    this.reads++
    return Promise.resolve(this.records.get(id))
  }

  readonly secrets = new Map<string, SecretRecord>()
  readonly tokens = new Map<number, TokenRecord>()

  grantsOfAnybody(): Promise<readonly HeldGrant[]> {
    return Promise.resolve([])
  }

  findSecret(hash: string): Promise<SecretRecord | undefined> {
    return Promise.resolve(this.secrets.get(hash))
  }

  findToken(id: number): Promise<TokenRecord | undefined> {
    return Promise.resolve(this.tokens.get(id))
  }

  findImportedHash(): Promise<string | undefined> {
    const hashes = [...this.records.values()].map(({ passwordHash }) => passwordHash)
    return Promise.resolve(hashes.find((hash) => hash?.startsWith('$2')))
  }

  replacePasswordHash(id: number, from: string, to: string): Promise<void> {
    const record = this.records.get(id)
    if (record?.passwordHash === from) this.change(record, { passwordHash: to })
    return Promise.resolve()
  }

  async ensureHtpasswdUser(name: string): Promise<PrincipalRecord> {
    return (await this.findByName(name)) ?? this.add(name, { provider: 'htpasswd' })
  }
}
