/** A rate limit: holds up to `burst` tokens, and gains `ratePerSecond` of them. */
export class TokenBucket {
  #tokens: number
  #filledAt = Date.now()
  readonly #ratePerSecond: number
  readonly #burst: number

  constructor(ratePerSecond: number, burst: number) {
    this.#ratePerSecond = ratePerSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes one token. @returns false when there is none */
  spend(): boolean {
    const now = Date.now()
    const gained = (Math.max(now - this.#filledAt, 0) / 1000) * this.#ratePerSecond
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#filledAt = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Takes tokens, also those that are not there yet: a burst of them at most. */
  charge(cost: number): void {
    this.#tokens = Math.max(this.#tokens - cost, -this.#burst)
  }

  /** Time until there is a token, s. */
  wait(): number {
    return Math.max(Math.ceil((1 - this.#tokens) / this.#ratePerSecond), 1)
  }
}
