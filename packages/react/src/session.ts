import { type CutroomClient, CutroomError, type Problem } from '@cutroom/client'

const MAX_DELAY_MS = 30_000

export interface SessionHooks {
  /** It is known who is logged in, or that nobody is. */
  onKnown(): void
  /** The server refuses to say who is logged in, and is asked again; undefined: it does not any more. */
  onProblem(problem: Problem | undefined): void
}

/** Finds out who is logged in, and connects whenever somebody is. @returns ends that; the client stays as it is */
export function keepConnected(client: CutroomClient, { onKnown, onProblem }: SessionHooks): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isEnded = false

  async function find(tries: number): Promise<void> {
    // StrictMode ends the first start at once
    await Promise.resolve()
    if (isEnded) return
    try {
      if (!client.me) await client.restore()
      if (isEnded) return
      if (tries > 0) onProblem(undefined)
      onKnown()
    } catch (error) {
      if (isEnded) return
      if (error instanceof CutroomError) onProblem(error.problem)
      timer = setTimeout(() => void find(tries + 1), Math.min(500 * 2 ** tries, MAX_DELAY_MS))
    }
  }

  const person = client.select(({ me }) => me?.id)
  function connect(): void {
    // the status of the client tells what became of it
    if (person.value !== undefined) client.connect().catch(() => {})
  }
  const unsubscribe = person.subscribe(connect)
  connect()
  void find(0)
  return () => {
    isEnded = true
    clearTimeout(timer)
    unsubscribe()
  }
}
