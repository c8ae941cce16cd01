import { after } from 'node:test'
import { metadataSuite } from '../metadata-suite.ts'
import { createPostgresSchema, postgresIsMissing, type PostgresSchema } from '../test-support/postgres.ts'
import { openAt } from '../test-support/store-address.ts'

const made: { schema?: Promise<PostgresSchema> } = {}

after(async () => (await made.schema)?.[Symbol.asyncDispose]())

async function aSchema(): Promise<PostgresSchema> {
  const schema = await createPostgresSchema()
  await using _ = await openAt({ dialect: 'postgres', url: schema.url }, { migrate: true })
  return schema
}

metadataSuite(
  'metadata on PostgreSQL',
  async (t) => {
    made.schema ??= aSchema()
    const schema = await made.schema
    t.after(schema.empty)
    return { dialect: 'postgres', url: schema.url }
  },
  postgresIsMissing,
)
