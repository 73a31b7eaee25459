import type pg from 'pg'

/** The project with the most in it: 300 comments on one cut, 300 tasks, 200 members, 308 events. */
export const BUSY = 0
/** The project whose first 8,000 events are 40 days old. */
export const OLD = 1

const kinds = { user: 1, session: 2, project: 3, task: 4, vibe: 5, cut: 6, comment: 7, event: 8 }

/** The id of the nth thing of a kind; they sort by age, as ours do. */
export const idOf = (kind: keyof typeof kinds, n: number): string =>
  `01920000-000${kinds[kind]}-7000-8000-${n.toString(16).padStart(12, '0')}`

const id = (kind: keyof typeof kinds, n: string) =>
  `('01920000-000${kinds[kind]}-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`
const upTo = (count: number) => `generate_series(0, ${count - 1}) AS n`

/** Rows that hang together: cut n is in vibe n % 6000, both in project n % 3000. */
const rows = `
  INSERT INTO "User" (id, email, name, "passwordHash")
    SELECT ${id('user', 'n')}, n || '@example.com', 'Person ' || n, '' FROM ${upTo(4_000)};
  INSERT INTO "Session" (id, "userId", "tokenHash", "expiresAt")
    SELECT ${id('session', 'n')}, ${id('user', 'n % 4000')}, '', now() + CASE WHEN n % 4 = 0 THEN interval '-60 days' ELSE '1 day' END
    FROM ${upTo(8_000)};
  INSERT INTO "Project" (id, name, "authorId") SELECT ${id('project', 'n')}, 'Album ' || n, ${id('user', 'n')} FROM ${upTo(3_000)};
  INSERT INTO "Member" ("projectId", "userId", role)
    SELECT ${id('project', 'n % 3000')}, ${id('user', '(n % 3000 + n / 3000 * 1000) % 4000')}, 'editor'::"Role" FROM ${upTo(12_000)}
    UNION ALL SELECT ${id('project', `${BUSY}`)}, ${id('user', 'n + 1')}, 'viewer' FROM ${upTo(200)};
  INSERT INTO "Task" (id, "projectId", title, rank, "authorId", "assigneeId", labels)
    SELECT ${id('task', 'n')}, CASE WHEN n < 20000 THEN ${id('project', 'n % 3000')} ELSE ${id('project', `${BUSY}`)} END,
      'Mix ' || n, 'a' || lpad(n::text, 6, '0') || 'V', ${id('user', 'n % 4000')}, ${id('user', '(n + 7) % 4000')}, '{}' FROM ${upTo(20_300)};
  INSERT INTO "Vibe" (id, "projectId", name, rank, "authorId")
    SELECT ${id('vibe', 'n')}, ${id('project', 'n % 3000')}, 'Verse', 'a' || lpad(n::text, 6, '0') || 'V', ${id('user', 'n % 4000')} FROM ${upTo(6_000)};
  INSERT INTO "Cut" (id, "projectId", "vibeId", name, rank, "authorId")
    SELECT ${id('cut', 'n')}, ${id('project', 'n % 3000')}, ${id('vibe', 'n % 6000')}, 'Take', 'a' || lpad(n::text, 6, '0') || 'V', ${id('user', 'n % 4000')}
    FROM ${upTo(12_000)};
  INSERT INTO "Lyrics" ("cutId", "projectId") SELECT ${id('cut', 'n')}, ${id('project', 'n % 3000')} FROM ${upTo(12_000)};
  INSERT INTO "Comment" (id, "projectId", "cutId", "taskId", "parentId", "authorId", body, "resolvedAt", "resolvedById")
    SELECT ${id('comment', 'n')}, ${id('project', 'at % 3000')}, CASE WHEN at % 2 = 0 THEN ${id('cut', 'at')} END,
      CASE WHEN at % 2 = 1 THEN ${id('task', 'at')} END, CASE WHEN n >= 12000 AND n % 3 = 0 THEN ${id('comment', 'at')} END,
      ${id('user', 'n % 4000')}, 'louder ' || n, CASE WHEN n % 3 = 1 THEN now() END, CASE WHEN n % 3 = 1 THEN ${id('user', '(n + 9) % 4000')} END
    FROM (SELECT n, CASE WHEN n < 20000 THEN n % 12000 ELSE ${BUSY} END AS at FROM ${upTo(20_300)}) AS n;
  INSERT INTO "Event" (id, room, seq, name, payload, at)
    SELECT ${id('event', 'n')}, 'project:' || ${id('project', 'project')}, row_number() OVER (PARTITION BY project ORDER BY n),
      'comment:deleted', json_build_object('id', ${id('comment', 'n')}), now() - CASE WHEN n < 8000 THEN interval '40 days' ELSE '1 hour' END
    FROM (SELECT n, CASE WHEN n < 8000 THEN ${OLD} WHEN n < 8300 THEN ${BUSY} ELSE n % 3000 END AS project FROM ${upTo(32_000)}) AS n;
  INSERT INTO "Room" (id, head)
    SELECT 'project:' || ${id('project', 'n')}, COALESCE((SELECT max(seq) FROM "Event" WHERE room = 'project:' || ${id('project', 'n')}), 0)
      FROM ${upTo(3_050)}
    UNION ALL SELECT 'user:' || ${id('user', 'n')}, 0 FROM ${upTo(4_000)};
  INSERT INTO "IdempotencyKey" ("userId", key, fingerprint, answer, "createdAt")
    SELECT ${id('user', 'n % 4000')}, 'key-' || n, '', '{}', now() - CASE WHEN n % 4 = 0 THEN interval '2 days' ELSE '1 hour' END
    FROM ${upTo(6_000)}`

/**
 * Thousands of rows in each table of a migrated database, and what the planner knows of them: 4,000 people, 3,000 projects,
 * 20,000 tasks, 20,000 comments, 32,000 events. Some keys, sessions, events and deleted projects are old enough to go.
 */
export async function fillTables(db: pg.Pool): Promise<void> {
  // Without triggers and checks of foreign keys: the positions are given here.
  await db.query(`BEGIN; SET LOCAL session_replication_role = replica; ${rows}; COMMIT`)
  await db.query('VACUUM (ANALYZE)')
}
