import type { TestApp } from './app.ts'

/** As long as a rank may be. */
const PREFIX = `a1${'V'.repeat(195)}`

/** The nth of many ranks that leave no room between them. */
const crowded = (n: number): string => `${PREFIX}${String(n + 100)}`.replace(/0$/, 'A')

/**
 * Gives items of a list ranks of 200 characters, one beside the other, as thousands of moves into one gap would: the next move
 * between them has to rewrite ranks. There is no event for it: clients have to load a snapshot after it.
 */
export async function crowd({ db }: Pick<TestApp, 'db'>, table: 'Task' | 'Vibe' | 'Cut', ids: string[]): Promise<void> {
  const ranks = ids.map((_, n) => crowded(n)).sort()
  await db.query(`UPDATE "${table}" t SET rank = n.rank FROM unnest($1::uuid[], $2::text[]) AS n(id, rank) WHERE t.id = n.id`, [
    ids,
    ranks,
  ])
}
