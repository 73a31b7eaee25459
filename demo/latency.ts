/** When a request was sent, and the sender. */
export interface Sent {
  by: string
  at: number
  /** One of many at once. */
  crowd: boolean
}
export interface Arrival {
  mutationId?: string | undefined
  at: number
}
/** One who got events, and when they were not connected. */
export interface Listener {
  userId: string
  arrivals: readonly Arrival[]
  away: readonly { from: number; to: number }[]
}
export interface Samples {
  alone: number[]
  crowd: number[]
  /** The listener was away at some moment between request and delivery: the time says how long that was. */
  outage: number[]
}

/** Times from each request to its arrival in another person's process. */
export function samplesOf(sent: ReadonlyMap<string, Sent>, listeners: readonly Listener[]): Samples {
  const samples: Samples = { alone: [], crowd: [], outage: [] }
  for (const { userId, arrivals, away } of listeners) {
    for (const { mutationId, at } of arrivals) {
      const request = mutationId === undefined ? undefined : sent.get(mutationId)
      if (!request || request.by === userId) continue
      const wasAway = away.some(({ from, to }) => from <= at && to >= request.at)
      const kind = wasAway ? 'outage' : request.crowd ? 'crowd' : 'alone'
      samples[kind].push(at - request.at)
    }
  }
  return samples
}
