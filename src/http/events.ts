// What happens at the door, for whoever watches: the terminal of a first run, the log.
export interface UploadEvent {
  readonly kind: 'upload'
  readonly repository: string
  /** Of the whole blob so far. */
  readonly bytes: number
}

export interface PushedEvent {
  readonly kind: 'pushed'
  readonly repository: string
  readonly reference: string
  readonly bytes: number
  readonly address: string
  readonly seconds: number
}

export interface LoginEvent {
  readonly kind: 'login'
  readonly name: string
  readonly address: string
}

export interface TlsRefusedEvent {
  readonly kind: 'tls-refused'
  readonly address: string
}

/** A download found bytes that are not those that were pushed. */
export interface DamagedEvent {
  readonly kind: 'damaged'
  readonly repository: string
  readonly digest: string
  /** What was found and what became of it, in a sentence. */
  readonly message: string
}

export type DoorEvent = UploadEvent | PushedEvent | LoginEvent | TlsRefusedEvent | DamagedEvent
