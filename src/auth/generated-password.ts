// The password of a fresh installation's administrator: easily read aloud and typed, hard to guess.
import { randomInt } from 'node:crypto'
import { words } from './word-list.ts'

const wordCount = 5
const wordsBeforeNumber = 2
const smallestNumber = 100
const numbers = 900

/** For example `tall-otter-427-cinnamon-maple-drum`. */
export function generatePassword(): string {
  const parts: string[] = []
  for (let index = 0; index < wordCount; index++) {
    if (index === wordsBeforeNumber) parts.push(String(smallestNumber + randomInt(numbers)))
    parts.push(words[randomInt(words.length)] ?? '')
  }
  return parts.join('-')
}

/** How many bits a generated password holds; each part is drawn evenly and on its own. */
export function generatedPasswordBits(): number {
  return wordCount * Math.log2(new Set(words).size) + Math.log2(numbers)
}
