// Chance that can be repeated: every choice of a run, and all content, follow from one seed.
import { createCipheriv, createHash, randomBytes } from 'node:crypto'

export interface Random {
  /** Uniform, from 0 to below 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T | undefined
  bytes(size: number): Buffer
  /** Another one that does not disturb this one. */
  fork(name: string): Random
}

/** The seed of CARREL_TEST_SEED, or a new one. It belongs into the output of the test. */
export function seedOfRun(): string {
  return process.env['CARREL_TEST_SEED'] ?? randomBytes(6).toString('hex')
}

export function createRandom(seed: string): Random {
  const key = createHash('sha256').update(seed).digest()
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const bytes = (size: number) => stream.update(Buffer.alloc(size))
  const next = () => bytes(4).readUInt32BE() / 2 ** 32
  return {
    next,
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)],
    bytes,
    fork: (name) => createRandom(`${seed}/${name}`),
  }
}
