import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { away } from './failures.ts'
import type { ByteRange } from './storage.ts'

/** Bytes that are read ahead of who takes them. */
const READ_AHEAD = 64 * 1024
/** Failures without a byte in between before the stream fails. */
const MOST_FAILURES = 3

/**
 * The bytes of an object, from the answers of a store. A connection that is lost (stores end those that are read slowly) is replaced by
 * one that goes on behind the last byte: objects never change.
 */
export class S3ObjectStream extends Readable {
  #at: number
  readonly #end: number
  readonly #reopen: (range: ByteRange) => Promise<IncomingMessage>
  readonly #timer: NodeJS.Timeout
  #answer: IncomingMessage
  #failures = 0

  /** @param idleMs a store that sends nothing for so long while it is read has failed */
  constructor(
    answer: IncomingMessage,
    { start, end }: ByteRange,
    idleMs: number,
    reopen: (range: ByteRange) => Promise<IncomingMessage>,
  ) {
    super({ highWaterMark: READ_AHEAD })
    this.#at = start
    this.#end = end
    this.#reopen = reopen
    this.#answer = this.#attach(answer)
    if (start > end) {
      answer.resume()
      this.push(null)
    }
    // Only while more is wanted.
    this.#timer = setTimeout(() => {
      if (!this.#answer.isPaused()) this.#answer.destroy(new Error(`S3 sent nothing for ${idleMs / 1000} s`))
    }, idleMs)
  }

  #attach(answer: IncomingMessage): IncomingMessage {
    answer.on('data', (chunk: Buffer) => this.#take(chunk))
    answer.on('error', () => {})
    // After its end, an error, or the loss of its connection.
    answer.once('close', () => this.#goOn(answer.errored))
    answer.pause()
    return answer
  }

  #take(chunk: Buffer): void {
    const wanted = this.#end - this.#at + 1
    this.#failures = 0
    this.#timer.refresh()
    this.#at += Math.min(chunk.length, wanted)
    const goesOn = this.push(chunk.length > wanted ? chunk.subarray(0, wanted) : chunk)
    if (this.#at > this.#end) {
      this.push(null)
      // It sends more than was asked for.
      if (chunk.length > wanted) this.#answer.destroy()
    } else if (!goesOn) this.#answer.pause()
  }

  #goOn(reason: Error | null): void {
    if (this.destroyed || this.#at > this.#end) return
    if (++this.#failures > MOST_FAILURES) {
      this.destroy(away(reason ?? new Error('S3 sent less than it has')))
      return
    }
    this.#reopen({ start: this.#at, end: this.#end }).then(
      (answer) => {
        this.#answer = this.#attach(answer)
        if (this.destroyed) answer.destroy()
        else this._read()
      },
      (error: Error) => this.destroy(error),
    )
  }

  override _read(): void {
    this.#timer.refresh()
    this.#answer.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    // One that was read to its end gives its connection back.
    if (this.#at <= this.#end) this.#answer.destroy()
    done(error)
  }
}
