// Texts that people give for people: one line, because they are shown in terminals and logs.
import { Refusal } from './refusal.ts'

/** @throws {Refusal} invalid */
export function requireOneLine(
  text: string,
  { what, longest }: { readonly what: string; readonly longest: number },
): void {
  if (text.length > longest) {
    throw new Refusal('invalid', `the ${what} is too long`, {
      why: `it has ${text.length} characters, and ${longest} is the most`,
    })
  }
  if (/^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u.test(text)) return
  throw new Refusal('invalid', `the ${what} is not one line of text`, {
    why: 'it has line breaks or other control characters',
  })
}

export const longestDescription = 1000
export const longestReason = 500
