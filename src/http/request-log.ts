// The log of a worker: one line for each push, deletion and failure, and for every request at level debug. JSON, or text
// for people. No headers, queries or bodies: secrets are there.
import pino from 'pino'
import type { AppLog } from './app.ts'

export interface RequestLog extends AppLog {
  readonly warn: (message: string) => void
}

export interface RequestLogOptions {
  readonly level: string
  readonly toStdout: boolean
  /** Turns a line of JSON into one for people; without it, JSON is written. */
  readonly asText?: ((json: string) => string) | undefined
  /** In every line. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined
}

export function createRequestLog({
  level,
  toStdout,
  asText,
  fields = {},
}: RequestLogOptions): RequestLog {
  const stdout = pino.destination({ dest: 1, sync: false })
  const log = pino(
    { level: toStdout ? level : 'silent', base: { ...fields } },
    asText === undefined ? stdout : { write: (line) => void stdout.write(asText(line)) },
  )
  const verbose = log.isLevelEnabled('debug')
  return {
    warn: (message) => log.warn(message),
    answered(request, reply, error, requestId) {
      const { method } = request
      if (error !== undefined) {
        log.error({ ...lineOf(request, reply.status, requestId), err: error }, 'request failed')
        return
      }
      const changes =
        method === 'DELETE' || (method === 'PUT' && request.path.includes('/manifests/'))
      if (changes && reply.status < 400) {
        log.info(lineOf(request, reply.status, requestId), 'changed')
      } else if (verbose) log.debug(lineOf(request, reply.status, requestId), 'request')
    },
  }
}

function lineOf(
  { method, path, peer }: Parameters<AppLog['answered']>[0],
  status: number,
  id: string,
): Record<string, unknown> {
  return { id, method, path: path.slice(0, 512), status, peer: peer.address }
}
