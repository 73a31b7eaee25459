import type { SearchType } from '@cutroom/contract'

/** Things of one type that are ranked: the newest that fit. */
export const RANKED = 200
/** Rows of large types that are looked at, the newest first, before their index is asked for all that fit. */
const RECENT = 1_500
/** So many of them that fit are enough. */
const ENOUGH = 100
/** Of a text that is shown, characters: what is behind them is found, and not shown. */
export const MAX_SHOWN = 5_000

// $1 person · $2 projects of the API token, or null · $3 project, or null
const PROJECTS = `ARRAY(SELECT m."projectId" FROM "Member" m WHERE m."userId" = $1::uuid
    AND ($2::uuid[] IS NULL OR m."projectId" = ANY($2::uuid[])) AND ($3::uuid IS NULL OR m."projectId" = $3::uuid))`
const CONVERSATIONS = `ARRAY(SELECT p."conversationId" FROM "Participant" p
    WHERE p."userId" = $1::uuid AND $2::uuid[] IS NULL AND $3::uuid IS NULL)`
// $4 types · $5 language · $6 words · $7 hits of a type, and one
const QUERY = 'to_tsquery($5::text::regconfig, $6)'
const ORDERED = 'ORDER BY rank DESC, at DESC, id DESC'

/** What of a conversation a person may read: who shares no project with the others any more reads what was said until then. */
const READABLE = `AND EXISTS (SELECT FROM "Participant" p
    WHERE p."conversationId" = "Search".scope AND p."userId" = $1::uuid AND (p."readsAll" OR "Search".id <= p."visibleId") OFFSET 0)`

/**
 * Hits of a type with many rows. What is in many of them is in the newest, too, and there the index would only find more than is wanted;
 * what is in few of them, the index finds at once.
 */
const manyOf = (type: SearchType, scopes: string, isReadable = ''): string => `
  ${type}_recent AS MATERIALIZED (
    SELECT s.id, s.scope, s.at, s.tsv FROM unnest((SELECT ${scopes} FROM mine)) AS own(scope)
    CROSS JOIN LATERAL (SELECT id, scope, at, tsv FROM "Search" WHERE scope = own.scope AND type = '${type}' AND '${type}' = ANY($4::text[]) ${isReadable}
      ORDER BY at DESC LIMIT (SELECT greatest(10, ${RECENT} / greatest(1, cardinality(${scopes}))) FROM mine)) s
    WHERE s.tsv @@ ${QUERY}),
  ${type}_hits AS (
    SELECT '${type}' AS type, id, scope, at, ts_rank(tsv, ${QUERY}) AS rank FROM (
      (SELECT * FROM ${type}_recent WHERE (SELECT count(*) >= ${ENOUGH} FROM ${type}_recent) ORDER BY at DESC LIMIT ${RANKED})
      UNION ALL
      (SELECT id, scope, at, tsv FROM "Search" WHERE type = '${type}' AND ARRAY[scope] && (SELECT ${scopes} FROM mine) AND tsv @@ ${QUERY}
        AND '${type}' = ANY($4::text[]) ${isReadable} AND (SELECT count(*) < ${ENOUGH} FROM ${type}_recent) ORDER BY at DESC LIMIT ${RANKED})
    ) found ${ORDERED} LIMIT $7)`

/** Hits of all other types, by one look at their index. */
const OTHERS = `
  others AS (
    SELECT type, id, scope, at, ts_rank(tsv, ${QUERY}) AS rank FROM (
      SELECT type, id, scope, at, tsv, row_number() OVER (PARTITION BY type ORDER BY at DESC) AS n FROM "Search"
      WHERE type NOT IN ('comment', 'message') AND type = ANY($4::text[])
        AND ARRAY[scope] && (SELECT projects FROM mine) AND tsv @@ ${QUERY}
    ) found WHERE n <= ${RANKED}),
  other_hits AS (
    SELECT type, id, scope, at, rank FROM (SELECT *, row_number() OVER (PARTITION BY type ${ORDERED}) AS n FROM others) ranked WHERE n <= $7)`

/** How things of each type are shown, as they are now: title, text, author, and what their address is made of. */
const shown: Record<SearchType, string> = {
  project: `"name", description, "authorId", NULL::uuid, NULL::uuid FROM "Project" WHERE id = h.id`,
  vibe: `name, concat_ws(' · ', theme, notes), "authorId", NULL, NULL FROM "Vibe" WHERE id = h.id`,
  cut: `name, NULL, "authorId", NULL, NULL FROM "Cut" WHERE id = h.id`,
  lyrics: `c.name, (SELECT string_agg(line.value->>'text', ' / ' ORDER BY line.ordinality)
      FROM jsonb_array_elements(l.lines) WITH ORDINALITY AS line), NULL, NULL, NULL
    FROM "Lyrics" l CROSS JOIN LATERAL (SELECT name FROM "Cut" WHERE id = l."cutId" LIMIT 1) c WHERE l."cutId" = h.id`,
  task: `title, concat_ws(' · ', description, nullif(array_to_string(labels, ', '), '')), "authorId", NULL, NULL FROM "Task" WHERE id = h.id`,
  file: `name, NULL, "authorId", "cutId", NULL FROM "File" WHERE id = h.id`,
  comment: `coalesce(cut.name, task.title), c.body, c."authorId", c."cutId", c."taskId" FROM "Comment" c
    LEFT JOIN LATERAL (SELECT name FROM "Cut" WHERE id = c."cutId" LIMIT 1) cut ON true
    LEFT JOIN LATERAL (SELECT title FROM "Task" WHERE id = c."taskId" LIMIT 1) task ON true WHERE c.id = h.id`,
  message: `NULL, m.body, m."authorId", NULL, NULL FROM "Message" m
    JOIN "Participant" p ON p."conversationId" = m."conversationId" AND p."userId" = $1::uuid
    WHERE m.id = h.id AND (p."readsAll" OR m.id <= p."visibleId")`,
}
const SHOWN = Object.entries(shown)
  .map(([type, rest]) => `SELECT ${rest} AND h.type = '${type}'`)
  .join('\n    UNION ALL ')

/**
 * Hits of a person, each as it is now, in the projects and conversations that are theirs in the snapshot of this one statement. LATERAL with
 * LIMIT keeps the planner from reading all rows for some of them.
 */
export const FIND = `WITH mine AS MATERIALIZED (SELECT ${PROJECTS} AS projects, ${CONVERSATIONS} AS conversations),
  ${manyOf('comment', 'projects')},${manyOf('message', 'conversations', READABLE)},${OTHERS},
  hits AS (SELECT * FROM comment_hits UNION ALL SELECT * FROM message_hits UNION ALL SELECT * FROM other_hits)
  SELECT h.type, h.id, h.scope, h.at, left(s.title, ${MAX_SHOWN}) AS title, left(s.text, ${MAX_SHOWN}) AS text, s."cutId", s."taskId",
    p.name AS "projectName", a.id AS "authorId", a.name AS "authorName", a."avatarUrl"
  FROM hits h
  CROSS JOIN LATERAL (SELECT * FROM (${SHOWN}) AS any_type(title, text, "authorId", "cutId", "taskId") LIMIT 1) s
  LEFT JOIN LATERAL (SELECT name FROM "Project" WHERE id = h.scope AND h.type <> 'message' LIMIT 1) p ON true
  LEFT JOIN LATERAL (SELECT id, name, "avatarUrl" FROM "User" WHERE id = s."authorId" LIMIT 1) a ON true
  ORDER BY array_position($4::text[], h.type), h.rank DESC, h.at DESC, h.id DESC`

/** The rooms whose events change what a person finds; $4: whether their own is one of them, in which messages come. */
export const SEARCHED_ROOMS = `SELECT 'project:' || unnest(${PROJECTS}) AS room UNION ALL SELECT 'user:' || $1::uuid WHERE $4::boolean`

/** Whether all was read into the index that was there before it. */
export const COMPLETE = 'SELECT "builtAt" IS NOT NULL AS complete FROM "SearchBuild"'
