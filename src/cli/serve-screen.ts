// The terminal of a running server: the start screen, then one line for each event, and below them the line
// that is replaced in place.
import type { OutputStream } from './cli-io.ts'
import { adoptedLines, adoptingLine } from './adopted-text.ts'
import { firstRunScreen, laterStartScreen } from './first-run.ts'
import type { ScreenStyle } from './first-run.ts'
import { imageName, liveLine } from './live-line.ts'
import type { LiveEvent, ServeEvent, StartFacts } from './serve-events.ts'
import { createPaint, plural, printable } from './text.ts'

export interface ServeScreenOptions {
  readonly stdout: OutputStream
  readonly style: Omit<ScreenStyle, 'now'>
  /** Whether a line may be replaced in place. */
  readonly lively: boolean
  /** Whether pushes and logins are shown; else only the start screen and warnings are. */
  readonly live: boolean
}

/** What to do with each event of a server. */
export function createServeScreen(options: ServeScreenOptions): (event: ServeEvent) => void {
  const { stdout, style, lively, live } = options
  const paint = createPaint(style.color)
  let bottom = ''
  let facts: StartFacts | undefined
  let waiting = false
  let lastLine = ''

  const clear = () => lively && stdout.write('\r\u001b[K')
  const print = (line: string) => {
    clear()
    stdout.write(`${line}\n${bottom}`)
  }
  const setBottom = (line: string) => {
    if (!lively) return
    bottom = line
    clear()
    stdout.write(line)
  }

  const ready = (started: StartFacts) => {
    facts = started
    const screen = started.firstStart ? firstRunScreen : laterStartScreen
    stdout.write(screen(started, { ...style, now: new Date() }))
    waiting = live && started.firstStart
    if (waiting) setBottom(paint('dim', '  Waiting for the first push …'))
  }

  const happened = (event: LiveEvent) => {
    const line = liveLine(event, { ...style, paint, first: waiting })
    if (event.kind === 'upload') {
      setBottom(line.split('\n', 1)[0] ?? '')
      return
    }
    // Docker tries again by itself, several times: one line says it.
    if (line === lastLine && event.kind !== 'pushed') return
    lastLine = line
    if (event.kind === 'pushed') {
      bottom = ''
      print(line)
      if (waiting && facts !== undefined) print(pullLine(facts, event))
      waiting = false
      return
    }
    print(line)
  }

  return (event) => {
    if (event.kind === 'ready') ready(event.facts)
    else if (event.kind === 'warning')
      print(`  ${paint('yellow', '!')} ${printable(event.message)}`)
    else if (event.kind === 'adopting') setBottom(adoptingLine(event))
    else if (event.kind === 'adopted') {
      bottom = ''
      print(adoptedLines(event).join('\n'))
    } else if (event.kind === 'draining') {
      bottom = ''
      print(drainingLine(event))
    } else if (live) happened(event)
  }

  function pullLine({ registry }: StartFacts, pushed: LiveEvent & { kind: 'pushed' }): string {
    const image = imageName(pushed.repository, pushed.reference)
    const pull = pushed.reference.includes(':')
      ? `docker pull ${registry}/${printable(`${pushed.repository}@${pushed.reference}`)}`
      : `docker pull ${registry}/${image}`
    return `    ${paint('dim', 'pull it:')} ${paint('cyan', pull)}`
  }
}

function drainingLine({ requests, seconds }: ServeEvent & { kind: 'draining' }): string {
  if (requests === 0) return '  Stopping.'
  return `  Stopping: ${plural(requests, 'request')} under way may take up to ${seconds} s to finish.`
}
