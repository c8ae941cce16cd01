// What a starting and running server tells the screen. Values that come from the network (names, client
// programs) are shown as text only: the screen removes control characters.
import type { AdoptionEvent } from './adoption.ts'

export type ServeEvent =
  | { readonly kind: 'ready'; readonly facts: StartFacts }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'draining'; readonly requests: number; readonly seconds: number }
  | AdoptionEvent
  | LiveEvent

export type LiveEvent =
  /** A client broke off the TLS handshake: it does not trust the certificate. */
  | { readonly kind: 'tls-refused'; readonly address: string; readonly client?: string }
  | { readonly kind: 'login'; readonly name: string; readonly address: string }
  | { readonly kind: 'login-failed'; readonly name: string; readonly address: string }
  /** May come often: the line is replaced, not added. `bytes` is what has arrived of this push so far. */
  | { readonly kind: 'upload'; readonly repository: string; readonly bytes: number }
  | {
      readonly kind: 'pushed'
      readonly repository: string
      /** A tag, or a digest. */
      readonly reference: string
      readonly bytes: number
      readonly seconds: number
    }

export interface StartFacts {
  readonly version: string
  readonly dataDir: string
  /** For people: `sqlite + local disk`. */
  readonly engines: string
  readonly readySeconds: number
  /** True until the first push or sign-in of this installation: shows the whole first screen. */
  readonly firstStart: boolean
  /** Scheme, host and port for a browser on this machine, or the public URL: `http://localhost:5443`. */
  readonly origin: string
  /** What docker is given on this machine: `localhost:5443`, or the public host. */
  readonly registry: string
  /** host:port of every address by which other machines may reach it; empty when it answers this one only. */
  readonly networkRegistries: readonly string[]
  /** The address it listens on, as given: `127.0.0.1:5443`. */
  readonly listen: string
  /** While the first administrator has not set a password of their own. */
  readonly setup?: { readonly key: string; readonly expiresAt: Date }
  /** Only when generated just now and only for a terminal. */
  readonly generated?: { readonly name: string; readonly password: string }
  /** SHA-256 of our own authority, hexadecimal with or without colons; absent with a certificate of one's own. */
  readonly authorityFingerprint?: string
  readonly open: false | 'local' | 'everyone'
  readonly repositories: number
  readonly tags: number
  readonly warnings: readonly string[]
}
