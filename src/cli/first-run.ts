// The screen that a starting server shows to a person: whole on the first start, short later. Pure.
import { setupUrl } from './addresses.ts'
import type { StartFacts } from './serve-events.ts'
import { asTyped, createPaint, formatSeconds, plural, printable, wrap } from './text.ts'
import type { Paint } from './text.ts'

export interface ScreenStyle {
  readonly color: boolean
  readonly width: number
  /** `carrel` or `./carrel`. */
  readonly program: string
  /** The reader's home folder, which is shown as ~. */
  readonly home?: string
  readonly now: Date
}

/** Ends with a line break. */
export function firstRunScreen(facts: StartFacts, style: ScreenStyle): string {
  const pen = createPen(style)
  return join([
    header(facts, pen),
    facts.open ? openBox(facts.open, pen) : [],
    signIn(facts, pen),
    pushHere(facts, pen),
    pushFromElsewhere(facts, pen),
    authority(facts, pen),
    warnings(facts, pen),
    footer(pen),
  ])
}

/** The same on every start after the first push. */
export function laterStartScreen(facts: StartFacts, style: ScreenStyle): string {
  const pen = createPen(style)
  const kept = `${plural(facts.repositories, 'repository', 'repositories')}, ${plural(facts.tags, 'tag')}`
  const rows = [
    ...signIn(facts, pen),
    ...labelled(pen, 'Push to', [pen.line(`${facts.registry}/NAME:TAG`)]),
    ...labelled(pen, 'Kept here', [pen.line(kept)]),
  ]
  return join([
    header(facts, pen),
    facts.open ? openBox(facts.open, pen) : [],
    rows,
    warnings(facts, pen),
    footer(pen),
  ])
}

interface Pen extends ScreenStyle {
  readonly paint: Paint
  /** Cleans a line, and puts in what this person types for `carrel`. */
  line(text: string): string
}

function createPen(style: ScreenStyle): Pen {
  const line = (text: string) => asTyped(printable(text), style.program)
  return { ...style, paint: createPaint(style.color), line }
}

type Block = readonly string[]

function join(blocks: readonly Block[]): string {
  const shown = blocks.filter((block) => block.length > 0)
  return `\n${shown.map((block) => block.join('\n')).join('\n\n')}\n\n`
}

const labelWidth = 12

/** A label with its values below each other. */
function labelled(pen: Pen, label: string, values: readonly string[]): Block {
  return values.map((value, index) => {
    const text = index === 0 ? label : ''
    return `  ${pen.paint('bold', text)}${' '.repeat(labelWidth - text.length)}${value}`
  })
}

function header(facts: StartFacts, pen: Pen): Block {
  const { paint, home } = pen
  const inHome = home !== undefined && home !== '/' && facts.dataDir.startsWith(`${home}/`)
  const dataDir = inHome ? `~${facts.dataDir.slice(home.length)}` : facts.dataDir
  const rest = [
    `data ${printable(dataDir)}`,
    printable(facts.engines),
    `ready in ${formatSeconds(facts.readySeconds)}`,
  ]
  const name = `carrel ${facts.version}`
  const gap = '  ·  '
  const paintedName = `  ${paint(['bold', 'cyan'], 'carrel')} ${facts.version}`
  const fits = 2 + [name, ...rest].join(gap).length <= pen.width
  if (fits) return [paintedName + paint('dim', gap + rest.join(gap))]
  return [paintedName, ...rest.map((part) => paint('dim', `  ${part}`))]
}

const openness = {
  local:
    'Whoever is on this machine may push, pull and delete. Other machines are refused. Never put a proxy in front of it: its callers would count as this machine.',
  everyone:
    'Whoever reaches this port may push, pull and delete, from this machine or any other. Let nobody reach it who may not.',
} as const

function openBox(open: keyof typeof openness, { paint, width }: Pen): Block {
  const text = ['OPEN MODE: there is no login', openness[open]]
  const inner = Math.min(width, 80) - 8
  const lines = text.flatMap((each) => wrap(each, inner))
  const edge = '─'.repeat(inner + 4)
  const framed = lines.map((line) => `  │  ${line.padEnd(inner)}  │`)
  return [`  ┌${edge}┐`, ...framed, `  └${edge}┘`].map((line) => paint('yellow', line))
}

function signIn(facts: StartFacts, pen: Pen): Block {
  const { paint } = pen
  const { setup, generated, origin } = facts
  const block: string[] = []
  if (setup === undefined) {
    block.push(...labelled(pen, 'Open', [paint('cyan', pen.line(origin))]))
  } else {
    const minutes = Math.max(
      1,
      Math.round((setup.expiresAt.getTime() - pen.now.getTime()) / 60_000),
    )
    const note = `one use, ${minutes} min; a new link: carrel admin link`
    block.push(
      ...labelled(pen, 'Open', [
        paint('cyan', pen.line(setupUrl(origin, setup.key))),
        paint('dim', pen.line(note)),
      ]),
    )
  }
  if (generated !== undefined) {
    const { name, password } = generated
    block.push(
      ...labelled(pen, 'Sign in', [
        `${pen.line(name)}  /  ${paint('bold', printable(password))}`,
        paint('dim', 'shown once; stored nowhere in clear'),
      ]),
    )
  }
  return block
}

const example = 'alpine:3.22'

function pushHere({ registry, open, generated }: StartFacts, pen: Pen): Block {
  const image = `${registry}/demo/${example}`
  const login = `docker login ${registry} -u ${generated?.name ?? 'admin'}`
  const commands = [
    ...(open ? [] : [login]),
    `docker pull ${example}`,
    `docker tag  ${example} ${image}`,
    `docker push ${image}`,
  ]
  return [pen.paint('bold', '  Push from this machine'), ...commands.map(indented(pen))]
}

function pushFromElsewhere(facts: StartFacts, pen: Pen): Block {
  const { paint } = pen
  const title = paint('bold', '  Push from another machine')
  const [registry, ...others] = facts.networkRegistries
  if (facts.open) return []
  if (registry === undefined) {
    const note = `It answers this machine only. To let others in:`
    return [title, `    ${note}`, indented(pen)('carrel up --listen 0.0.0.0:5443')]
  }
  const login = `docker login ${registry} -u ${facts.generated?.name ?? 'admin'}`
  const also = others.length === 0 ? [] : [`    ${paint('dim', `also at ${others.join(', ')}`)}`]
  const trust = `curl -fsS http://${registry}/ca.sh | sudo sh`
  const isOwn = facts.authorityFingerprint !== undefined
  return [title, ...(isOwn ? [indented(pen)(trust)] : []), indented(pen)(login), ...also]
}

/** What to compare before trusting, and how to trust it here: podman and the like ask for that even on localhost. */
function authority(facts: StartFacts, pen: Pen): Block {
  const { authorityFingerprint, registry, networkRegistries } = facts
  if (authorityFingerprint === undefined) return []
  const lines = fingerprintLines(authorityFingerprint).map((line) => pen.paint('dim', line))
  const trust = `trust it here: ${pen.paint('cyan', `curl -fsS http://${registry}/ca.sh | sudo sh`)}`
  return labelled(pen, 'CA SHA-256', networkRegistries.length > 0 ? lines : [...lines, trust])
}

const indented =
  (pen: Pen) =>
  (command: string): string =>
    `    ${pen.paint('cyan', pen.line(command))}`

/** In two lines of 16 bytes, with the colons that browsers and openssl show. */
function fingerprintLines(fingerprint: string): readonly string[] {
  const bytes = fingerprint.replaceAll(':', '').toUpperCase().match(/../g) ?? []
  return [bytes.slice(0, 16).join(':'), bytes.slice(16).join(':')].filter((line) => line !== '')
}

function warnings(facts: StartFacts, pen: Pen): Block {
  return facts.warnings.flatMap((warning) => {
    const [head = '', ...rest] = wrap(pen.line(warning), pen.width - 4)
    return [`  ${pen.paint('yellow', '!')} ${head}`, ...rest.map((line) => `    ${line}`)]
  })
}

function footer({ paint, program }: Pen): Block {
  return [paint('dim', `  Something not working?  ${program} doctor        Stop: Ctrl-C`)]
}
