/** All in milliseconds. */
export const CONSUMER_TIMINGS = {
  /** Notifications of this time are read together: of the second, while the server is busy. */
  gatherMs: 20,
  gatherBusyMs: 200,
  /** Longest time for which a position is known to the leader alone; a crash has its events handled again. */
  saveMs: 250,
  /** Between looks for what is due: rows of jobs, and retries. */
  tickMs: 1_000,
  /** Between comparisons of all heads with all cursors: below, and from, LARGE_ROOMS rooms on. */
  sweepMs: 1_000,
  sweepLargeMs: 30_000,
  /** Between looks for rows of jobs that a leader before has claimed, and left. */
  abandonedMs: 5_000,
  /** Between attempts to become the leader, and between checks that the leader's connection is there. */
  lockMs: 1_000,
  /** A write waits so long for the handler of the next event, to share a transaction with its write. */
  shareMs: 50,
  /** A room that has more gives way to others after this time. */
  turnMs: 1_000,
  /** For one event, where the consumer says nothing else. */
  handlerMs: 60_000,
  /** For handlers that ignore that their time is over, when the node stops. */
  closeMs: 10_000,
  /** Waits after the first, second, … failure; after one more the event is given up. */
  retriesMs: [1_000, 5_000, 30_000, 300_000] as readonly number[],
}

export type ConsumerTimings = typeof CONSUMER_TIMINGS
