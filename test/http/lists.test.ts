import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createCut, createTeam, type Person } from '../support/people.ts'

const MIB = 1024 * 1024
interface Page {
  data: { id?: string; userId?: string }[]
  nextCursor: string | null
}

describe('lists', () => {
  const app = useApp()

  /** All pages of a list, each with the length of its body. */
  async function pagesOf(person: Person, path: string) {
    const pages: { page: Page; bytes: number }[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer = await fetch(`${app().url}${path}?limit=200${cursor && `&cursor=${cursor}`}`, {
        headers: { authorization: `Bearer ${person.token}` },
      })
      const text = await answer.text()
      expect([answer.status, path]).toEqual([200, path])
      const page = JSON.parse(text) as Page
      pages.push({ page, bytes: Buffer.byteLength(text) })
      cursor = page.nextCursor
    }
    return pages
  }

  it('B1 a page of any list has 1 MiB at most and one row at least, and the pages together are the whole list once', async () => {
    const { project, owner } = await createTeam(app())
    const { vibe, cut } = await createCut(owner, project.id)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const ids = [project.id, owner.id, vibe.id, cut.id, task.id]
    // Each at the limit of the contract, with the characters that are longest in JSON.
    await app().db.query(`
      INSERT INTO "Task" ("id", "projectId", "title", "description", "rank", "labels", "authorId", "assigneeId")
        SELECT gen_random_uuid(), '${ids[0]}', 'x', repeat(chr(1), 20000), 'b' || lpad(n::text, 6, '0'), '{}', '${ids[1]}', '${ids[1]}' FROM generate_series(1, 90) n;
      INSERT INTO "Vibe" ("id", "projectId", "name", "notes", "theme", "rank", "authorId")
        SELECT gen_random_uuid(), '${ids[0]}', 'x', repeat('"', 20000), repeat('é', 200), 'b' || lpad(n::text, 6, '0'), '${ids[1]}' FROM generate_series(1, 90) n;
      INSERT INTO "Cut" ("id", "projectId", "vibeId", "name", "rank", "authorId")
        SELECT gen_random_uuid(), '${ids[0]}', '${ids[2]}', repeat('é', 200), 'b' || lpad(n::text, 6, '0'), '${ids[1]}' FROM generate_series(1, 450) n;
      INSERT INTO "Comment" ("id", "projectId", "cutId", "taskId", "body", "authorId")
        SELECT gen_random_uuid(), '${ids[0]}', CASE WHEN n % 2 = 0 THEN '${ids[3]}'::uuid END, CASE WHEN n % 2 = 1 THEN '${ids[4]}'::uuid END,
          repeat('€', 10000), '${ids[1]}' FROM generate_series(1, 180) n;
      INSERT INTO "User" ("id", "email", "name", "avatarUrl", "passwordHash")
        SELECT gen_random_uuid(), n || '@${ids[0]}.example', repeat('é', 100), 'https://example.com/' || repeat('a', 2000), '' FROM generate_series(1, 900) n;
      INSERT INTO "Member" ("projectId", "userId", "role") SELECT '${ids[0]}', id, 'viewer' FROM "User" WHERE email LIKE '%@${ids[0]}.example';
      INSERT INTO "Project" ("id", "name", "description", "authorId")
        SELECT gen_random_uuid(), 'Album ' || n, repeat(chr(7), 10000), '${ids[1]}' FROM generate_series(1, 120) n;
      INSERT INTO "Member" ("projectId", "userId", "role") SELECT id, '${ids[1]}', 'editor' FROM "Project" WHERE "authorId" = '${ids[1]}' AND id <> '${ids[0]}'`)
    const lists: [path: string, rows: number, least: number][] = [
      [`/api/projects/${project.id}/tasks`, 91, 10],
      [`/api/projects/${project.id}/vibes`, 91, 4],
      [`/api/vibes/${vibe.id}/cuts`, 451, 3],
      [`/api/cuts/${cut.id}/comments`, 90, 3],
      [`/api/tasks/${task.id}/comments`, 90, 3],
      [`/api/projects/${project.id}/members`, 901, 5],
      ['/api/projects', 121, 7],
    ]
    for (const [path, rows, least] of lists) {
      const pages = await pagesOf(owner, path)
      expect(pages.length, path).toBeGreaterThanOrEqual(least)
      for (const { page, bytes } of pages) {
        expect(bytes, path).toBeLessThanOrEqual(MIB)
        expect(page.data.length, path).toBeGreaterThan(0)
      }
      const seen = pages.flatMap(({ page }) => page.data.map(({ id, userId }) => id ?? userId))
      expect([path, seen.length, new Set(seen).size]).toEqual([path, rows, rows])
    }
  })

  it('B1 of thousands of sessions the newest 200 are listed, and the caller’s own', async () => {
    const { owner } = await createTeam(app())
    await app().db.query(
      `INSERT INTO "Session" ("id", "userId", "tokenHash", "expiresAt", "rotatedAt", "confirmed")
       SELECT gen_random_uuid(), $1, '', now() + interval '1 day', now() + n * interval '1 second', 0 FROM generate_series(1, 3000) n`,
      [owner.id],
    )
    const { data } = await owner.must<{ data: { current: boolean }[] }>('GET', '/api/me/sessions')
    expect(data).toHaveLength(201)
    expect(data.filter(({ current }) => current)).toHaveLength(1)
  })
})
