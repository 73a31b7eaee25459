import type { Problem } from '@cutroom/contract'
import type { CutroomClient } from './client.ts'
import { CutroomError } from './problem.ts'
import { backoff } from './timing.ts'

const [MIN_DELAY_MS, MAX_DELAY_MS] = [1_000, 30_000]

export interface KeepConnectedHooks {
  /** It is known who is logged in, or that there is no login. */
  onKnown(): void
  /** The server refuses to say who is logged in, and is asked again; undefined: it does not any more. */
  onProblem(problem: Problem | undefined): void
}

/**
 * Finds out who is logged in, asking again until the server answers, and connects with each login: what the packages for React and Vue
 * do at the start of a page. @returns ends that; the client stays as it is
 */
export function keepConnected(client: CutroomClient, { onKnown, onProblem }: KeepConnectedHooks): () => void {
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
      timer = setTimeout(() => void find(tries + 1), backoff(tries, MIN_DELAY_MS, MAX_DELAY_MS))
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
