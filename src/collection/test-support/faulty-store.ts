// A database that fails once: at the nth statement, or after the nth write was committed, as if the answer was lost.
import type { MetadataStore, Reader, Transaction } from '../../metadata/metadata-store.ts'

export interface Fault {
  readonly at: 'statement' | 'answer'
  /** From 0. */
  readonly number: number
}

export interface FaultyStore {
  readonly store: MetadataStore
  /** Whether it has failed by now. */
  readonly hasFailed: () => boolean
}

export function withFault(store: MetadataStore, fault: Fault): FaultyStore {
  const seen = { statement: 0, answer: 0 }
  let hasFailed = false

  function failAt(at: Fault['at']): void {
    const number = seen[at]
    seen[at] += 1
    if (fault.at !== at || fault.number !== number) return
    hasFailed = true
    throw new Error(`made to fail at ${at} ${number}`)
  }

  function readerOf(reader: Reader): Reader {
    return {
      async all(query, parameters) {
        failAt('statement')
        return reader.all(query, parameters)
      },
      async one(query, parameters) {
        failAt('statement')
        return reader.one(query, parameters)
      },
    }
  }

  function transactionOf(tx: Transaction): Transaction {
    return {
      ...readerOf(tx),
      async run(query, parameters) {
        failAt('statement')
        return tx.run(query, parameters)
      },
    }
  }

  return {
    hasFailed: () => hasFailed,
    store: {
      dialect: store.dialect,
      ...readerOf(store),
      read: async (work) => store.read(async (tx) => work(readerOf(tx))),
      async write(work, options) {
        const result = await store.write(async (tx) => work(transactionOf(tx)), options)
        failAt('answer')
        return result
      },
      maintain: async () => store.maintain(),
      [Symbol.asyncDispose]: async () => undefined,
    },
  }
}
