import type pg from 'pg'

/** The project with the most in it: 300 comments on one cut, 300 tasks, 200 members, 308 events. */
export const BUSY = 0
/** The take of its cut on which most of these comments are, and the last one of it, as files. */
export const BUSY_TAKE = 12_001
export const LAST_TAKE = 12_299
/** The project whose first 8,000 events are 40 days old. */
export const OLD = 1

const kinds = {
  user: 1,
  session: 2,
  project: 3,
  task: 4,
  vibe: 5,
  cut: 6,
  comment: 7,
  event: 8,
  file: 9,
  share: 'a',
  invitation: 'b',
  conversation: 'c',
  message: 'd',
  notification: 'e',
  webhook: 'f',
  delivery: 0,
}

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
  INSERT INTO "File" (id, "projectId", "cutId", kind, take, name, type, size, sha256, "objectKey", status, "authorId", "createdAt")
    SELECT ${id('file', 'n')}, ${id('project', 'at % 3000')}, ${id('cut', 'at')}, (CASE WHEN n % 4 = 0 THEN 'document' ELSE 'audio' END)::"FileKind",
      CASE WHEN n % 4 > 0 THEN n END, 'Take ' || n, 'audio/wav', 1000, '', ${id('file', 'n')}, 'ready', ${id('user', 'n % 4000')},
      now() - interval '1 day' + n % 12000 * interval '1 ms'
    FROM (SELECT n, CASE WHEN n < 12000 THEN n ELSE ${BUSY} END AS at FROM ${upTo(12_300)}) AS n;
  INSERT INTO "StoredObject" (key, size, "fileId") SELECT ${id('file', 'n')}, 1000, ${id('file', 'n')} FROM ${upTo(12_300)};
  INSERT INTO "Rendition" ("fileId", name, type, data) SELECT ${id('file', 'n')}, 'peaks', '', '\\x01' FROM ${upTo(12_300)};
  INSERT INTO "Upload" (id, "projectId", "cutId", "userId", name, length, "fileId", "expiresAt")
    SELECT ${id('file', 'n')}, ${id('project', 'n % 3000')}, ${id('cut', 'n')}, ${id('user', 'n % 4000')}, '', 1000, ${id('file', 'n')}, now() + interval '1 day'
    FROM ${upTo(12_000)};
  INSERT INTO "Share" (id, "projectId", "cutId", "fileId", allows, "tokenHash", "authorId", "createdAt")
    SELECT ${id('share', 'n')}, ${id('project', 'at % 3000')}, CASE WHEN n % 2 = 0 AND n < 12000 THEN ${id('cut', 'n')} END,
      CASE WHEN n % 2 = 1 OR n >= 12000 THEN ${id('file', 'n')} END, 'listen', 'hash ' || n, ${id('user', 'n % 4000')},
      now() - interval '1 day' + n % 12000 * interval '1 ms'
    FROM (SELECT n, CASE WHEN n < 12000 THEN n ELSE ${BUSY} END AS at FROM ${upTo(12_300)}) AS n;
  INSERT INTO "Webhook" (id, "projectId", url, events, seq, "secretHash", "authorId", "createdAt")
    SELECT ${id('webhook', 'n')}, ${id('project', 'n % 3000')}, 'https://hooks.example.com/', '{}', 1000000, '', ${id('user', 'n % 4000')},
      now() - interval '1 day' + n * interval '1 ms' FROM ${upTo(6_000)};
  INSERT INTO "WebhookDelivery" (id, "webhookId", "projectId", "eventId", seq, name, cause, status, attempts, "nextAt")
    SELECT ${id('delivery', 'n')}, ${id('webhook', 'n % 6000')}, ${id('project', 'n % 3000')}, ${id('event', 'n')}, n, 'comment.deleted', 'event',
      (CASE WHEN n % 4 = 0 THEN 'pending' ELSE 'delivered' END)::"WebhookDeliveryStatus", 1,
      CASE WHEN n % 4 = 0 THEN now() + interval '1 day' END FROM ${upTo(12_000)};
  INSERT INTO "Invitation" (id, "projectId", role, email, "tokenHash", "expiresAt", "acceptedAt", "acceptedBy", "authorId", "createdAt")
    SELECT ${id('invitation', 'n')}, ${id('project', 'at % 3000')}, 'editor', CASE WHEN n % 2 = 0 THEN n || '@example.org' END, 'hash ' || n,
      now() + CASE WHEN n % 60 = 0 THEN interval '-8 days' ELSE '6 days' END, CASE WHEN n % 3 = 0 OR n >= 12000 THEN now() END,
      CASE WHEN n % 3 = 0 OR n >= 12000 THEN ${id('user', 'n % 4000')} END, ${id('user', 'n % 4000')}, now() - interval '1 day' + n * interval '1 ms'
    FROM (SELECT n, CASE WHEN n < 12000 THEN n ELSE ${BUSY} END AS at FROM ${upTo(12_300)}) AS n;
  INSERT INTO "PasswordReset" (id, email, "tokenHash", "expiresAt")
    SELECT gen_random_uuid(), n || '@example.com', 'hash ' || n, now() + CASE WHEN n % 60 = 0 THEN interval '-2 days' ELSE '1 hour' END
    FROM ${upTo(6_000)};
  INSERT INTO "Comment" (id, "projectId", "cutId", "taskId", "parentId", "authorId", body, "resolvedAt", "resolvedById", "fileId", "atMs")
    SELECT ${id('comment', 'n')}, ${id('project', 'at % 3000')}, CASE WHEN at % 2 = 0 THEN ${id('cut', 'at')} END,
      CASE WHEN at % 2 = 1 THEN ${id('task', 'at')} END, CASE WHEN n >= 12000 AND n % 3 = 0 THEN ${id('comment', 'at')} END,
      ${id('user', 'n % 4000')}, 'louder ' || n, CASE WHEN n % 3 = 1 THEN now() END, CASE WHEN n % 3 = 1 THEN ${id('user', '(n + 9) % 4000')} END,
      CASE WHEN at % 2 = 0 AND NOT (n >= 12000 AND n % 3 = 0) THEN ${id('file', `(CASE WHEN at = ${BUSY} THEN ${BUSY_TAKE} ELSE at END)`)} END, n
    FROM (SELECT n, CASE WHEN n < 20000 THEN n % 12000 ELSE ${BUSY} END AS at FROM ${upTo(20_300)}) AS n;
  INSERT INTO "Conversation" (id, pair, "authorId", "lastId")
    SELECT ${id('conversation', 'n')}, CASE WHEN n % 2 = 0 THEN 'pair ' || n END, ${id('user', 'n % 4000')}, ${id('message', '9000 + n')} FROM ${upTo(3_000)};
  INSERT INTO "Participant" ("conversationId", "userId")
    SELECT ${id('conversation', 'n % 3000')}, ${id('user', '(n % 3000 + n / 3000) % 4000')} FROM ${upTo(9_000)};
  INSERT INTO "Message" (id, "conversationId", "authorId", body)
    SELECT ${id('message', 'n')}, ${id('conversation', 'n % 3000')}, ${id('user', 'n % 3000')}, 'Hello ' || n FROM ${upTo(12_000)};
  INSERT INTO "Notification" (id, "userId", kind, cause, "projectId", "actorId", "targetType", "targetId", link, "onId", about, "seenAt")
    SELECT ${id('notification', 'n')}, ${id('user', 'n % 4000')}, 'mention', 'comment:' || n, ${id('project', 'n % 3000')}, ${id('user', '(n + 1) % 4000')},
      'comment', ${id('comment', 'n')}, '/', ${id('cut', 'n')}, ARRAY[${id('comment', 'n')}, ${id('cut', 'n')}], CASE WHEN n % 3 > 0 THEN now() END
    FROM ${upTo(12_000)};
  INSERT INTO "NotificationPreferences" ("userId") SELECT ${id('user', 'n')} FROM ${upTo(4_000)};
  INSERT INTO "MailPreference" ("userId") SELECT ${id('user', 'n')} FROM ${upTo(4_000)};
  INSERT INTO "MemberMail" ("userId", "projectId") SELECT "userId", "projectId" FROM "Member";
  INSERT INTO "Event" (id, room, seq, name, payload, at)
    SELECT ${id('event', 'n')}, 'project:' || ${id('project', 'project')}, row_number() OVER (PARTITION BY project ORDER BY n),
      'comment:deleted', json_build_object('commentId', ${id('comment', 'n')}), now() - CASE WHEN n < 8000 THEN interval '40 days' ELSE '1 hour' END
    FROM (SELECT n, CASE WHEN n < 8000 THEN ${OLD} WHEN n < 8300 THEN ${BUSY} ELSE n % 3000 END AS project FROM ${upTo(32_000)}) AS n;
  INSERT INTO "Room" (id, head)
    SELECT 'project:' || ${id('project', 'n')}, COALESCE((SELECT max(seq) FROM "Event" WHERE room = 'project:' || ${id('project', 'n')}), 0)
      FROM ${upTo(3_050)}
    UNION ALL SELECT 'user:' || ${id('user', 'n')}, 0 FROM ${upTo(20_000)};
  INSERT INTO "ActivityRead" ("userId", "projectId", seq) SELECT "userId", "projectId", 2 FROM "Member";
  INSERT INTO "ActivityDismissal" ("userId", "projectId", seq)
    SELECT "userId", "projectId", s FROM "Member" CROSS JOIN generate_series(1, 2) AS s;
  INSERT INTO "IdempotencyKey" ("userId", key, fingerprint, answer, "createdAt")
    SELECT ${id('user', 'n % 4000')}, 'key-' || n, '', '{}', now() - CASE WHEN n % 4 = 0 THEN interval '2 days' ELSE '1 hour' END
    FROM ${upTo(6_000)};
  INSERT INTO "Search" (type, id, scope, parent, at, version, tsv)
    SELECT 'comment', id, "projectId", coalesce("parentId", "cutId", "taskId"), "createdAt", 1, to_tsvector('simple', body) FROM "Comment"
    UNION ALL SELECT 'cut', id, "projectId", "vibeId", "createdAt", 1, to_tsvector('simple', name) FROM "Cut"
    UNION ALL SELECT 'file', id, "projectId", "cutId", "createdAt", 1, to_tsvector('simple', name) FROM "File"
    UNION ALL SELECT 'message', id, "conversationId", NULL, "createdAt", 1, to_tsvector('simple', body) FROM "Message";
  INSERT INTO "SearchWord" (word, variants) SELECT 'louder' || n, ARRAY['louder' || n, 'louder'] FROM ${upTo(5_000)};
  INSERT INTO "SearchBuild" (language, "builtAt") VALUES ('simple', now());
  INSERT INTO "Consumer" (name) SELECT 'consumer-' || n FROM generate_series(1, 3) AS n UNION ALL SELECT unnest('{media,notifications,search,webhooks-wake}'::text[]);
  INSERT INTO "Cursor" (consumer, room, seq) SELECT name, id, head FROM "Consumer" CROSS JOIN "Room" WHERE head > 0;
  INSERT INTO "Retry" (consumer, room, seq, attempt, error, "nextAt")
    SELECT 'consumer-' || (n % 3 + 1), 'project:' || ${id('project', 'n')}, 1, 1, '', now() + n * interval '1 minute' FROM ${upTo(3_000)};
  INSERT INTO "DeadLetter" (consumer, room, seq, attempts, error)
    SELECT 'consumer-' || (n % 3 + 1), 'project:' || ${id('project', 'n')}, 2, 5, '' FROM ${upTo(3_000)};
  INSERT INTO "Due" (consumer, key, at) SELECT 'job-' || n % 3, 'row-' || n, now() + n * interval '1 minute' FROM ${upTo(3_000)}`

/**
 * Thousands of rows in each table of a migrated database, and what the planner knows of them: 4,000 people, 3,000 projects,
 * 20,000 tasks, 20,000 comments, 32,000 events. Some keys, sessions, events and deleted projects are old enough to go.
 */
export async function fillTables(db: pg.Pool): Promise<void> {
  // Without triggers and checks of foreign keys: the positions are given here.
  await db.query(`BEGIN; SET LOCAL session_replication_role = replica; ${rows}; COMMIT`)
  await db.query('VACUUM (ANALYZE)')
}
