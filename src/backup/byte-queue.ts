// Chunks of any size in, pieces of a wanted size out.
export class ByteQueue {
  #chunks: Uint8Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** At most what is there. */
  take(size: number): Uint8Array {
    const [first] = this.#chunks
    if (first !== undefined && first.length >= size) return this.#takeOf(first, size)
    const piece = Buffer.allocUnsafeSlow(Math.min(size, this.#length))
    let filled = 0
    while (filled < piece.length) {
      const chunk = this.#chunks[0] as Uint8Array
      const part = this.#takeOf(chunk, Math.min(chunk.length, piece.length - filled))
      piece.set(part, filled)
      filled += part.length
    }
    return piece
  }

  #takeOf(first: Uint8Array, size: number): Uint8Array {
    if (size === first.length) this.#chunks.shift()
    else this.#chunks[0] = first.subarray(size)
    this.#length -= size
    return first.subarray(0, size)
  }
}
