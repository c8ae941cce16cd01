// Times in the API are text; inside they are milliseconds since 1970.

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** For spreading: `...times({ lastSeenAt })` leaves out what is undefined. */
export function times<K extends string>(
  all: Readonly<Record<K, number | undefined>>,
): { readonly [Key in K]?: string } {
  const entries = Object.entries<number | undefined>(all)
    .filter((entry): entry is [string, number] => entry[1] !== undefined)
    .map(([key, ms]) => [key, iso(ms)])
  return Object.fromEntries(entries) as { readonly [Key in K]?: string }
}

/** What the contract took for a time. */
export function ms(time: string): number {
  return Date.parse(time)
}

/** For what can be left out (it stays, or is as usual) and can be null (it never ends). */
export function expiryOf(expiresAt: string | null | undefined): number | 'never' | undefined {
  if (expiresAt === null) return 'never'
  return expiresAt === undefined ? undefined : ms(expiresAt)
}
