// What the screen would show, as JSON lines for a log: the same form as the request log's. A log is shipped and
// kept, so the generated password never stands in it; a setup link does, because a used one is harmless.
import { setupUrl } from './addresses.ts'
import { lostInVolume } from './adopted-text.ts'
import type { AdoptionProgress } from './adoption.ts'
import type { OutputStream } from './cli-io.ts'
import { textLine } from './log-text.ts'
import type { ServeEvent } from './serve-events.ts'

const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const

const answered = {
  local: 'only this machine is answered',
  everyone: 'whoever reaches this port may push, pull and delete',
} as const

const adoptingEveryMs = 5000

export type LogLevel = keyof typeof levels

/** What to do with each event of a server. Events that the request log holds anyway are left to it. */
export function createServeLog(
  stdout: OutputStream,
  least: LogLevel,
  format: 'json' | 'text' = 'json',
): (event: ServeEvent) => void {
  const log = (level: LogLevel, msg: string, more: object = {}) => {
    if (levels[level] < levels[least]) return
    const json = JSON.stringify({ level: levels[level], time: Date.now(), ...more, msg })
    stdout.write(format === 'text' ? textLine(json) : `${json}\n`)
  }
  let adoptingNext = 0
  const logAdopting = (progress: AdoptionProgress | undefined) => {
    if (progress === undefined) log('info', 'taking over a volume of registry:2')
    const now = performance.now()
    if (progress === undefined || now < adoptingNext) {
      adoptingNext ||= now + adoptingEveryMs
      return
    }
    adoptingNext = now + adoptingEveryMs
    const { phase, done, total } = progress
    log('info', `taking over a volume of registry:2: ${phase}`, { done, total })
  }
  return (event) => {
    switch (event.kind) {
      case 'ready': {
        const { version, listen, dataDir, engines, readySeconds, open, setup, origin, registry } =
          event.facts
        const link = setup && { setupUrl: setupUrl(origin, setup.key), expiresAt: setup.expiresAt }
        log('info', 'ready', { version, listen, dataDir, engines, readySeconds, open, ...link })
        if (setup !== undefined) {
          const url = setupUrl(origin, setup.key)
          log('info', `first start: open ${url} and set the password of admin`)
          log('info', `then log in: docker login ${registry} -u admin`)
        }
        if (open) log('warn', `open mode: there is no login; ${answered[open]}`)
        for (const warning of event.facts.warnings) log('warn', warning)
        return
      }
      case 'warning':
        log('warn', event.message)
        return
      case 'draining':
        log('info', 'stopping', { requests: event.requests, seconds: event.seconds })
        return
      case 'adopting':
        logAdopting(event.progress)
        return
      case 'adopted': {
        const { kind: _, directory, losses, ...counts } = event
        log('info', 'a volume of registry:2 was taken over', { ...counts, losses })
        if (losses > 0) log('warn', lostInVolume(losses, directory))
        return
      }
      case 'tls-refused':
        log('warn', 'a client does not trust the certificate', { address: event.address })
        return
      case 'login-failed':
        log('warn', 'login refused', { user: event.name, address: event.address })
        return
      case 'login':
      case 'upload':
      case 'pushed':
    }
  }
}
