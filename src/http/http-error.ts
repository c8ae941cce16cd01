// Broken HTTP, or an answer that the distribution API has no code for. Thrown only inside http/.
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string | number>> = {},
  ) {
    super(message)
    this.status = status
    this.headers = headers
  }
}
