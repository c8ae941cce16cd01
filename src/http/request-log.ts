// The log of a worker: one JSON line for each push, deletion and failure, and for every request at level debug.
import pino from 'pino'
import type { AppLog } from './app.ts'

export interface RequestLog extends AppLog {
  readonly warn: (message: string) => void
}

export function createRequestLog(options: {
  readonly level: string
  readonly toStdout: boolean
}): RequestLog {
  const log = pino(
    { level: options.toStdout ? options.level : 'silent', base: {} },
    pino.destination({ dest: 1, sync: false }),
  )
  const verbose = log.isLevelEnabled('debug')
  return {
    warn: (message) => log.warn(message),
    answered(request, reply, error) {
      const { method } = request
      if (error !== undefined) {
        log.error({ ...lineOf(request, reply.status), err: error }, 'request failed')
        return
      }
      const changes =
        method === 'DELETE' || (method === 'PUT' && request.path.includes('/manifests/'))
      if (changes && reply.status < 400) log.info(lineOf(request, reply.status), 'changed')
      else if (verbose) log.debug(lineOf(request, reply.status), 'request')
    },
  }
}

function lineOf(
  { method, path, peer }: Parameters<AppLog['answered']>[0],
  status: number,
): Record<string, unknown> {
  return { method, path: path.slice(0, 512), status, peer: peer.address }
}
