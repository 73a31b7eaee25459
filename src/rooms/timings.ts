/** All in milliseconds. */
export const TIMINGS = {
  /** Between polls of the heads. */
  sweepMs: 1_000,
  /** The same while Redis, which carries the hints, is away. */
  sweepAloneMs: 250,
  /** How long a replay cache is kept after its last reader. */
  unreadMs: 60_000,
  /** How long a person with a lost connection still counts as present. */
  graceMs: 4_000,
  /** Between a node's heartbeats, and how long a node without them counts as alive. A dead node's people vanish within 15 s. */
  beatMs: 2_500,
  deadMs: 12_000,
  /** How long "is typing" lasts without a renewal. */
  typingMs: 6_000,
  /** Between signs of life in an event stream: more often than proxies, and this server, close what is silent. */
  heartbeatMs: 15_000,
  /** Between checks of each socket's backlog; how long it may be stuck before it is paused, and before it is closed. */
  checkMs: 250,
  stuckMs: 2_000,
  closeMs: 30_000,
}
