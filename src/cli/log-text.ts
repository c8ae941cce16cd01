// A line of the log for people instead of programs (`log.format text`).

const levels: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** From `{"level":30,"time":…,"id":"a-1","msg":"changed"}` to `2027-01-31T18:00:00.000Z info  changed id=a-1`. */
export function textLine(json: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(json) as Record<string, unknown>
  const at = new Date(Number(time)).toISOString()
  const word = (levels[Number(level)] ?? String(level)).padEnd(5)
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${shown(value)}`)
  const stack = isObject(err) ? `\n    ${stackOf(err)}` : ''
  return `${at} ${word} ${plain(String(msg))}${fields.join('')}${stack}\n`
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function stackOf({ stack, message }: Readonly<Record<string, unknown>>): string {
  return String(stack ?? message)
    .split('\n')
    .map(plain)
    .join('\n    ')
}

/** Whatever could be taken for another field or another line is quoted. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\w./:@+,~%-]+$/.test(text) ? text : plain(JSON.stringify(text))
}

/** Clients choose paths and names: nothing of theirs may move the cursor or begin a line. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return `\\u${code.toString(16).padStart(4, '0')}`
  })
}
