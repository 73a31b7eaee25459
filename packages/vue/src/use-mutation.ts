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
import { type ComputedRef, computed, type MaybeRefOrGetter, ref, type ShallowRef, shallowRef, toValue } from 'vue'
import { useClient } from './provide.ts'

/** Sends one write. Its arguments may be left out where the endpoint needs none. */
export type Mutate<E extends Endpoint> = (
  ...args: Record<never, never> extends Args<E> ? [args?: Args<E>] : [args: Args<E>]
) => Promise<Answer<E>>

export interface MutateOptions<E extends Endpoint> extends Pick<MutationOptions, 'keep'> {
  /** As that of `client.mutate`; may be a ref or a getter. */
  projectId?: MaybeRefOrGetter<string | undefined>
  /** What the write is expected to bring, from its arguments and from the id, time and person of a new row; see `client.mutate`. */
  draw?: (args: Args<E>, made: { id: string; at: string; me: Person }) => Draw | readonly Draw[]
}

type LooseMutate = (endpoint: Endpoint, args: object, options: MutationOptions) => Promise<unknown>

/** The types of one endpoint are those of `mutate`. */
function send<E extends Endpoint>(client: CutroomClient, endpoint: E, args: Args<E>, options: MutateOptions<E>) {
  const { draw, keep, projectId: given } = options
  const projectId = toValue(given)
  const drawn: MutationOptions = {
    ...(projectId === undefined ? {} : { projectId }),
    ...(keep === undefined ? {} : { keep }),
    ...(draw ? { draw: (made) => draw(args, made) } : {}),
  }
  return (client.mutate as LooseMutate)(endpoint, args, drawn) as Promise<Answer<E>>
}

/**
 * A write of this component, as `client.mutate` does it: drawn at once, sent in order, safe to repeat.
 *
 * @returns pending: one is under way · problem: why the last one was refused, until the next is made. Who does not await `mutate`
 * need not catch: `problem` says it.
 */
export function useMutation<E extends Endpoint>(
  endpoint: E,
  options: MutateOptions<E> = {},
): { mutate: Mutate<E>; pending: ComputedRef<boolean>; problem: Readonly<ShallowRef<Problem | undefined>> } {
  const client = useClient()
  const count = ref(0)
  const problem = shallowRef<Problem>()
  async function run(args: Args<E>): Promise<Answer<E>> {
    problem.value = undefined
    count.value++
    try {
      return await send(client, endpoint, args, options)
    } catch (error) {
      if (error instanceof CutroomError) problem.value = error.problem
      throw error
    } finally {
      count.value--
    }
  }
  const mutate = ((args?: Args<E>) => {
    const answer = run(args ?? ({} as Args<E>))
    answer.catch((error) => {
      // errors of the program are reported
      if (!(error instanceof CutroomError)) throw error
    })
    return answer
  }) as Mutate<E>
  return { mutate, pending: computed(() => count.value > 0), problem }
}
