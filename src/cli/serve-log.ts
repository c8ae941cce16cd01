// What the screen would show, as JSON lines for a log: the same form as the request log's. A log is shipped and
// kept, so the generated password never stands in it; a setup link does, because a used one is harmless.
import { setupUrl } from './addresses.ts'
import type { OutputStream } from './cli-io.ts'
import type { ServeEvent } from './serve-events.ts'

const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const

export type LogLevel = keyof typeof levels

/** What to do with each event of a server. Events that the request log holds anyway are left to it. */
export function createServeLog(stdout: OutputStream, least: LogLevel): (event: ServeEvent) => void {
  const log = (level: LogLevel, msg: string, more: object = {}) => {
    if (levels[level] < levels[least]) return
    stdout.write(`${JSON.stringify({ level: levels[level], time: Date.now(), ...more, msg })}\n`)
  }
  return (event) => {
    switch (event.kind) {
      case 'ready': {
        const { version, listen, dataDir, engines, readySeconds, open, setup, origin } = event.facts
        const link = setup && { setupUrl: setupUrl(origin, setup.key), expiresAt: setup.expiresAt }
        log('info', 'ready', { version, listen, dataDir, engines, readySeconds, open, ...link })
        if (open) log('warn', 'open mode: there is no login; only this machine is answered')
        for (const warning of event.facts.warnings) log('warn', warning)
        return
      }
      case 'warning':
        log('warn', event.message)
        return
      case 'draining':
        log('info', 'stopping', { requests: event.requests, seconds: event.seconds })
        return
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
