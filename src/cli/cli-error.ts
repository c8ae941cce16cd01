// A failure in the words of the one who typed the command: what happened, why, and what to try.
import { ApiError } from '../contract/client.ts'
import { describeApiError } from './api-error.ts'
import type { InstallationErrorKind } from './composition.ts'
import { exitCodes } from './exit-codes.ts'
import type { ExitCode } from './exit-codes.ts'

export interface Failure {
  readonly what: string
  readonly why?: string | undefined
  readonly fix?: string | undefined
}

export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: ExitCode
  readonly failure: Failure

  constructor(exitCode: ExitCode, failure: Failure, cause?: unknown) {
    super(failure.what, { cause })
    this.exitCode = exitCode
    this.failure = failure
  }
}

export function usageError(what: string, more: Omit<Failure, 'what'> = {}): CliError {
  return new CliError(exitCodes.usage, { what, ...more })
}

/** Whatever was thrown, as a CliError. */
export function describeError(error: unknown): CliError {
  if (error instanceof CliError) return error
  if (error instanceof ApiError) {
    const { exitCode, ...failure } = describeApiError(error)
    return new CliError(exitCode, failure, error)
  }
  if (!(error instanceof Error))
    return new CliError(exitCodes.failed, { what: String(error) }, error)
  const exitCode = 'kind' in error ? exitCodeOfKind(error.kind) : undefined
  if (exitCode !== undefined) {
    const { why, fix } = error as Error & { why?: unknown; fix?: unknown }
    return new CliError(exitCode, { what: error.message, why: text(why), fix: text(fix) }, error)
  }
  return describeSystemError(error)
}

// The error is known by its kind, not by its class: it may have been made by another copy of the module.
function exitCodeOfKind(kind: unknown): ExitCode | undefined {
  const known: Record<InstallationErrorKind, ExitCode> = {
    'not-found': exitCodes.notFound,
    exists: exitCodes.failed,
    invalid: exitCodes.failed,
    denied: exitCodes.denied,
    policy: exitCodes.policy,
    unavailable: exitCodes.unreachable,
  }
  return Object.entries(known).find(([name]) => name === kind)?.[1]
}

interface SystemError extends Error {
  readonly code?: string
  readonly path?: string
  readonly address?: string
  readonly port?: number
}

function describeSystemError(error: SystemError): CliError {
  const { code, path, address, port } = error
  const where = path === undefined ? '' : ` ${path}`
  const listen = `cannot listen on ${address ?? 'the address'}${port === undefined ? '' : `:${port}`}`
  const known: Record<string, Failure> = {
    EADDRINUSE: {
      what: listen,
      why: 'another program holds this port (see it with: ss -ltnp)',
      fix: `another port: --listen 127.0.0.1:${(port ?? 5443) + 1}`,
    },
    EADDRNOTAVAIL: { what: listen, why: 'this machine has no such address' },
    EACCES:
      port === undefined
        ? { what: `no permission for${where || ' a file'}`, why: 'it belongs to somebody else' }
        : { what: listen, why: 'ports below 1024 need root', fix: '--listen HOST:5443' },
    EROFS: { what: `cannot write${where}`, why: 'the file system is read-only' },
    ENOSPC: { what: `cannot write${where}`, why: 'the disk is full' },
    ENOENT: { what: `there is no${where || ' such file'}` },
    ECONNREFUSED: { what: `nothing answers at ${address ?? 'the server'}:${port ?? ''}` },
  }
  const exitCode = code === 'ECONNREFUSED' ? exitCodes.unreachable : exitCodes.failed
  const failure = code === undefined ? undefined : known[code]
  return new CliError(exitCode, failure ?? { what: error.message }, error)
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
