// Which passwords are taken. Length is what counts (OWASP ASVS 5.0 V6.2); besides, what is tried first by everyone who
// guesses is refused: the well-known ones in their usual disguises, repetitions, rows of keys, the user's own name.
import { Refusal } from '../access/refusal.ts'

const shortestPassword = 12
const longestPassword = 1024

/** @throws {Refusal} policy */
export function requireGoodPassword(password: string, userName: string): void {
  const why = weaknessOf(password, userName)
  if (why !== undefined) throw new Refusal('policy', 'this password is not accepted', { why })
}

/** Why the password is not accepted, as a sentence; undefined when it is. */
export function weaknessOf(password: string, userName: string): string | undefined {
  const length = charactersIn(password)
  if (length < shortestPassword) {
    return `It has ${length} characters; ${shortestPassword} is the least. Several words with hyphens are easy to remember.`
  }
  if (password.length > longestPassword) {
    return `It has ${length} characters; ${longestPassword} is the most.`
  }
  if (isRepetition(password.toLowerCase())) {
    return 'It repeats the same few characters, which is tried early by whoever guesses.'
  }
  if (isRowOfKeys(password.toLowerCase())) {
    return 'It follows the keys of a keyboard or the alphabet, which is tried early by whoever guesses.'
  }
  const name = undisguised(userName)
  const plain = undisguised(password)
  if (name.length > 2 && plain !== '' && plain.replaceAll(name, '') === '') {
    return 'It is the name of the user.'
  }
  if (isCommon(plain, name)) return 'It is one of the most common passwords, which are tried first.'
  return undefined
}

/** As people count them, not as computers store them. */
function charactersIn(text: string): number {
  return Array.from(text).length
}

/** Heads of the lists of leaked passwords, and what people write when a dozen characters are asked for. */
const commonWords = `
password passwort passwd passcode pass word secret geheim qwerty qwertz azerty asdf zxcv letmein welcome willkommen
iloveyou loveyou monkey dragon football baseball superman batman princess sunshine shadow master trustno default
admin administrator root user guest login test temp demo changeme changeit change please hello whatever internet
computer server system docker container registry private public access letme open sesame correct horse battery staple
my the is this and secure security safe strong long very super
`
  .trim()
  .split(/\s+/)

const keyRows = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
  '1q2w3e4r5t6y7u8i9o0p',
]

const disguises: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}

/** `P@ssw0rd-2024!!` is `password`: without disguise, and without the numbers and signs around it. */
function undisguised(text: string): string {
  const core = text.toLowerCase().replace(/^[^\p{L}@$]+|[^\p{L}@$]+$/gu, '')
  const letters = core.replace(/[013457@$!]/g, (sign) => disguises[sign] ?? sign)
  return letters.replace(/\P{L}/gu, '')
}

/** More common words than these in a row are no common password any more. */
const mostCommonWords = 4

/** Made of a few common words and the user's name, and of nothing else. */
function isCommon(plain: string, userName: string): boolean {
  const words = userName.length > 2 ? [...commonWords, userName] : commonWords
  let ends: ReadonlySet<number> = new Set([0])
  for (let count = 0; count < mostCommonWords; count++) {
    ends = new Set([...ends].flatMap((end) => endsAfterOneWord(plain, end, words)))
    if (ends.has(plain.length)) return true
  }
  return false
}

function endsAfterOneWord(text: string, start: number, words: readonly string[]): number[] {
  return words.filter((word) => text.startsWith(word, start)).map((word) => start + word.length)
}

function isRepetition(text: string): boolean {
  for (let length = 1; length <= 4; length++) {
    const unit = text.slice(0, length)
    if (unit.repeat(Math.ceil(text.length / length)).startsWith(text)) return true
  }
  return false
}

/** Made of at most three pieces of rows, forwards or backwards. */
function isRowOfKeys(text: string): boolean {
  let rest = text
  for (let piece = 0; piece < 3 && rest !== ''; piece++) rest = rest.slice(longestRow(rest))
  return rest === ''
}

function longestRow(text: string): number {
  let longest = 0
  for (const row of keyRows) {
    for (const direction of [row, row.split('').toReversed().join('')]) {
      let length = longest
      while (length < text.length && direction.includes(text.slice(0, length + 1))) length += 1
      longest = Math.max(longest, length)
    }
  }
  // One or two keys are a row of nothing.
  return longest >= 3 ? longest : 0
}
