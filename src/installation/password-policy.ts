// Which passwords are taken. Length is what counts (OWASP ASVS 5.0 V6.2); besides, what is tried first by everyone who
// guesses is refused: the well-known ones in their usual disguises, repetitions, rows of keys, the user's own name.
import { Refusal } from './refusal.ts'

const shortestPassword = 12
const longestPassword = 1024

/** @throws {Refusal} policy */
export function requireGoodPassword(password: string, userName: string): void {
  const why = weaknessOf(password, userName)
  if (why !== undefined) throw new Refusal('policy', 'this password is not taken', { why })
}

/** Why the password is not taken, as a sentence; undefined when it is. */
export function weaknessOf(password: string, userName: string): string | undefined {
  const length = [...password].length
  if (length < shortestPassword) {
    return `It has ${length} characters; ${shortestPassword} is the least. Several words with hyphens are easy to remember.`
  }
  if (password.length > longestPassword) {
    return `It has ${length} characters; ${longestPassword} is the most.`
  }
  const plain = undisguised(password)
  if (isRepetition(password.toLowerCase())) {
    return 'It repeats the same few characters, which is tried early by whoever guesses.'
  }
  if (isRowOfKeys(password.toLowerCase())) {
    return 'It follows the keys of a keyboard or the alphabet, which is tried early by whoever guesses.'
  }
  const name = undisguised(userName)
  if (name.length > 2 && withoutWord(plain, name) === '') return 'It is the name of the user.'
  if (isCommon(plain, name)) return 'It is one of the most common passwords, which are tried first.'
  return undefined
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
  .toSorted((a, b) => b.length - a.length)

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
  const core = text.toLowerCase().replace(/^[^a-z@$]+|[^a-z@$]+$/g, '')
  return core.replace(/[013457@$!]/g, (sign) => disguises[sign] ?? sign).replace(/[^a-z]/g, '')
}

/** Nothing is left when the common words are taken out, and there were few of them. */
function isCommon(plain: string, userName: string): boolean {
  if (plain === '') return false
  let rest = plain
  let words = 0
  while (rest !== '') {
    const known = userName.length > 2 && rest.startsWith(userName)
    const word = known ? userName : commonWords.find((each) => rest.startsWith(each))
    if (word === undefined) return false
    rest = rest.slice(word.length)
    words += 1
  }
  return words <= mostCommonWords
}

/** More common words than these in a row are no common password any more. */
const mostCommonWords = 4

function withoutWord(text: string, word: string): string {
  return text.replaceAll(word, '')
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
    for (const direction of [row, [...row].toReversed().join('')]) {
      let length = longest
      while (length < text.length && direction.includes(text.slice(0, length + 1))) length += 1
      longest = Math.max(longest, length)
    }
  }
  // One or two keys are a row of nothing.
  return longest >= 3 ? longest : 0
}
