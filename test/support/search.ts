import type { Comment, Cut, SearchAnswer, SearchHit, SearchType } from '@cutroom/contract'
import type pg from 'pg'
import { expect } from 'vitest'
import { createCut, type Person } from './people.ts'
import { until } from './until.ts'

/** What a person is answered. */
export const search = (person: Person, q: string, rest: Record<string, string> = {}): Promise<SearchAnswer> =>
  person.must('GET', `/api/search?${new URLSearchParams({ q, ...rest })}`)

export const hitsOf = ({ groups }: SearchAnswer): SearchHit[] => groups.flatMap(({ hits }) => hits)

/** The hits of a search, as `type id`, sorted. */
export const found = async (person: Person, q: string, rest?: Record<string, string>): Promise<string[]> =>
  hitsOf(await search(person, q, rest))
    .map(({ type, id }) => `${type} ${id}`)
    .sort()

/** One hit of its type. */
export async function hitOf(person: Person, q: string, type: SearchType): Promise<SearchHit> {
  const hits = hitsOf(await search(person, q, { types: type }))
  expect(hits).toHaveLength(1)
  return hits[0] as SearchHit
}

/** Waits until the index has all that was written where this person may read. */
export const upToDate = (person: Person): Promise<void> =>
  until('the index', async () => {
    const { behind } = await search(person, 'anything')
    return behind.events === 0 && behind.complete
  })

/** What the index has to have of each type, by a look at all rows. */
const EXPECTED = `
  SELECT 'project' AS type, id, id AS scope, version FROM "Project" WHERE "deletedAt" IS NULL
  UNION ALL SELECT 'vibe', t.id, p.id, t.version FROM "Vibe" t JOIN "Project" p ON p.id = "projectId" AND "deletedAt" IS NULL
  UNION ALL SELECT 'cut', t.id, p.id, t.version FROM "Cut" t JOIN "Project" p ON p.id = "projectId" AND "deletedAt" IS NULL
  UNION ALL SELECT 'lyrics', t."cutId", p.id, t.version FROM "Lyrics" t JOIN "Project" p ON p.id = "projectId" AND "deletedAt" IS NULL
    WHERE t.version > 0
  UNION ALL SELECT 'task', t.id, p.id, t.version FROM "Task" t JOIN "Project" p ON p.id = "projectId" AND "deletedAt" IS NULL
  UNION ALL SELECT 'file', t.id, p.id, t.version FROM "File" t JOIN "Project" p ON p.id = "projectId" AND "deletedAt" IS NULL
  UNION ALL SELECT 'comment', t.id, p.id, t.version FROM "Comment" t JOIN "Project" p ON p.id = "projectId" AND "deletedAt" IS NULL
  UNION ALL SELECT 'message', id, "conversationId", version FROM "Message"`

/** Types whose every version is told by an event that the index reads. */
const FOLLOWED = `('project', 'vibe', 'lyrics', 'message')`

/** How the index differs from the rows: what is missing, what is too much, and what is of an older text. */
export async function differences(db: pg.Pool): Promise<unknown[]> {
  const { rows } = await db.query(
    `SELECT coalesce(e.type, s.type) AS type, coalesce(e.id, s.id) AS id, e.id IS NULL AS extra, s.id IS NULL AS missing
     FROM (${EXPECTED}) e FULL JOIN "Search" s ON s.type = e.type AND s.id = e.id
     WHERE (e.id IS NULL AND NOT (s.type = 'lyrics' AND s.version = 0)) OR s.id IS NULL OR s.scope <> e.scope
       OR (s.version <> e.version AND s.type IN ${FOLLOWED})`,
  )
  return rows
}

/** The words of all things in the index. */
export async function contents(db: pg.Pool): Promise<unknown[]> {
  const { rows } = await db.query(`SELECT type, id, scope, parent, at, tsv::text FROM "Search" WHERE tsv <> '' ORDER BY type, id`)
  return rows
}

/** Things of all kinds, of which some are changed, moved and deleted, as fast as it goes. */
export async function writeAllKinds(person: Person, projectId: string, rounds: number): Promise<void> {
  const { vibe } = await createCut(person, projectId)
  const put = <T>(path: string, body: unknown) => person.must<T>('POST', path, body)
  for (let n = 0; n < rounds; n++) {
    const cut = await put<Cut>(`/api/vibes/${vibe.id}/cuts`, { name: `cut ${n}` })
    const said = await put<Comment>(`/api/cuts/${cut.id}/comments`, { body: `first ${n}` })
    await put(`/api/comments/${said.id}/replies`, { body: `reply ${n}` })
    await person.must('PATCH', `/api/comments/${said.id}`, { body: `second ${n}` })
    await person.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: `line ${n}`, atMs: null }] })
    if (n % 3 === 0) await person.must('DELETE', `/api/cuts/${cut.id}`)
    if (n % 3 === 1) await person.must('DELETE', `/api/comments/${said.id}`)
  }
  const other = await put<{ id: string }>(`/api/projects/${projectId}/vibes`, { name: 'doomed' })
  const cut = await put<Cut>(`/api/vibes/${other.id}/cuts`, { name: 'doomed cut' })
  await put(`/api/cuts/${cut.id}/comments`, { body: 'doomed comment' })
  await person.must('DELETE', `/api/vibes/${other.id}`)
}
