import {
  type Answer,
  type MutationArgs as Args,
  type CutroomClient,
  CutroomError,
  type Draw,
  type Endpoint,
  type MutationOptions,
  type Person,
  type Problem,
} from '@cutroom/client'
import { useCallback, useInsertionEffect, useRef, useState } from 'react'
import { useClient } from './provider.ts'

/** Sends one write. Its arguments may be left out where the endpoint needs none. */
export type Mutate<E extends Endpoint> = (
  ...args: Record<never, never> extends Args<E> ? [args?: Args<E>] : [args: Args<E>]
) => Promise<Answer<E>>

export interface MutateOptions<E extends Endpoint> extends Pick<MutationOptions, 'projectId' | 'keep'> {
  /** What the write is expected to bring, from its arguments and from the id, time and person of a new row; see `client.mutate`. */
  draw?: (args: Args<E>, made: { id: string; at: string; me: Person }) => Draw | readonly Draw[]
}

type LooseMutate = (endpoint: Endpoint, args: object, options: MutationOptions) => Promise<unknown>

/** The types of one endpoint are those of `mutate`. */
function send<E extends Endpoint>(client: CutroomClient, endpoint: E, args: Args<E>, options: MutateOptions<E>) {
  const { draw, ...rest } = options
  const drawn = draw ? { ...rest, draw: (made: Parameters<typeof draw>[1]) => draw(args, made) } : rest
  return (client.mutate as LooseMutate)(endpoint, args, drawn) as Promise<Answer<E>>
}

/**
 * A write of this component, as `client.mutate` does it: drawn at once, sent in order, safe to repeat. `mutate` keeps its identity.
 *
 * @returns pending: one is under way · problem: why the last one was refused, until the next is made. Who does not await `mutate`
 * need not catch: `problem` says it.
 */
export function useMutation<E extends Endpoint>(
  endpoint: E,
  options: MutateOptions<E> = {},
): { mutate: Mutate<E>; pending: boolean; problem: Problem | undefined } {
  const client = useClient()
  const [count, setCount] = useState(0)
  const [problem, setProblem] = useState<Problem>()
  const latest = useRef({ client, endpoint, options })
  // before all other effects: those of children may write
  useInsertionEffect(() => {
    latest.current = { client, endpoint, options }
  })
  const mutate = useCallback((args?: Args<E>) => {
    async function run(): Promise<Answer<E>> {
      const { client, endpoint, options } = latest.current
      setProblem(undefined)
      setCount((count) => count + 1)
      try {
        return await send(client, endpoint, args ?? ({} as Args<E>), options)
      } catch (error) {
        if (error instanceof CutroomError) setProblem(error.problem)
        throw error
      } finally {
        setCount((count) => count - 1)
      }
    }
    const answer = run()
    answer.catch((error) => {
      // errors of the program are reported
      if (!(error instanceof CutroomError)) throw error
    })
    return answer
  }, []) as Mutate<E>
  return { mutate, pending: count > 0, problem }
}
