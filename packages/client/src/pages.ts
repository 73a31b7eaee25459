import type { Call, LooseArgs } from './call.ts'
import type { Answer, Endpoint } from './endpoint.ts'

/** The rows of a list. */
export type RowsOf<E extends Endpoint> = Answer<E> extends { data: (infer R)[] } ? R : never

/** All pages of a list, one after the other, as they are asked for. */
export async function* pagesOf<R>(call: Call, endpoint: Endpoint, args: LooseArgs): AsyncGenerator<R[], void> {
  const ask = call as (endpoint: Endpoint, args: LooseArgs) => Promise<unknown>
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const query = cursor === undefined ? args.query : { ...args.query, cursor }
    const page = (await ask(endpoint, { ...args, query })) as { data: R[]; nextCursor: string | null }
    yield page.data
    cursor = page.nextCursor
  }
}
