import type { Statement } from '../../../db/client.ts'
import { bounded, ENTRY_COLUMNS } from '../entries.ts'
import { FINGERPRINT, isCurrent } from '../history.ts'

/** Rooms (from here on sweeps are rare), and rooms of one consumer that one sweep finds. */
export const LARGE_ROOMS = 10_000
export const MAX_BEHIND = 10_000
/** Retries of one consumer that one look finds. */
export const MAX_RETRIES = 100

const EVENTS_AFTER = bounded(
  `SELECT * FROM "Event" WHERE room = a.room AND seq > w.start AND seq <= w.upto AND name = ANY(string_to_array(a.names, ','))
   ORDER BY seq LIMIT $5`,
  '$6',
)

/** Queries and changes by the leader itself. The positions of all rooms are one statement each. */
export const statements = {
  /** The heads of all rooms, in the snapshot of the one statement that enrols. */
  enrol: `WITH fresh AS (INSERT INTO "Consumer" (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING name)
    INSERT INTO "Cursor" (consumer, room, seq) SELECT f.name, r.id, r.head FROM fresh f CROSS JOIN "Room" r`,
  /**
   * Wanted events of some rooms behind their cursors, or behind a later position that only the leader knows; at most $7 seqs of each.
   * LIMIT keeps the planner from reading all rooms for some of them, here and in `retries`.
   */
  read: `SELECT a.n, a.room, r.floor, coalesce(c.seq, 0) AS saved, w.upto, w.upto < r.head AS beyond, e.found,
      t.seq AS "retrySeq", t.attempt AS "retryAttempt", t."nextAt" > now() AS "retryWaits", ${ENTRY_COLUMNS}
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS a(consumer, room, after, names, n)
    CROSS JOIN LATERAL (SELECT head, floor FROM "Room" WHERE id = a.room LIMIT 1) r
    LEFT JOIN LATERAL (SELECT seq FROM "Cursor" WHERE consumer = a.consumer AND room = a.room LIMIT 1) c ON true
    CROSS JOIN LATERAL (SELECT greatest(a.after, c.seq, r.floor) AS start, least(r.head, greatest(a.after, c.seq, r.floor) + $7::bigint) AS upto) w
    LEFT JOIN LATERAL (SELECT seq, attempt, "nextAt" FROM "Retry" WHERE consumer = a.consumer AND room = a.room
      AND seq > coalesce(c.seq, 0) ORDER BY seq LIMIT 1) t ON true
    LEFT JOIN LATERAL ${EVENTS_AFTER} e ON true
    ORDER BY a.n, e.seq`,
  /**
   * A crash may take the last of them back: events are handled again then, so that nothing waits for the disk. Places keep the planner
   * from reading all cursors of the consumer for some of them. In another history than that of $5 none is moved.
   */
  save: `WITH n AS MATERIALIZED (
      SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS n(room, was, upto) WHERE ${isCurrent('$5')}),
    places AS MATERIALIZED (SELECT c.ctid AS place, n.* FROM n
      CROSS JOIN LATERAL (SELECT ctid FROM "Cursor" WHERE consumer = $1 AND room = n.room LIMIT 1) c),
    moved AS (UPDATE "Cursor" c SET seq = p.upto FROM places p WHERE c.ctid = p.place AND c.seq = p.was RETURNING c.room),
    made AS (INSERT INTO "Cursor" (consumer, room, seq) SELECT $1, room, upto FROM n WHERE was = 0 ON CONFLICT DO NOTHING RETURNING room)
    SELECT room, set_config('synchronous_commit', 'off', true) FROM (SELECT room FROM moved UNION ALL SELECT room FROM made) m`,
  server: `SELECT ${FINGERPRINT}`,
  rooms: 'SELECT count(*)::int AS rooms FROM "Room"',
  /** Rooms with something to read, but for those that wait for a retry; $2 of each consumer at most, found in one pass over all. */
  behind: `SELECT consumer, room FROM (
      SELECT k.name AS consumer, r.id AS room, row_number() OVER (PARTITION BY k.name) AS n
      FROM "Room" r CROSS JOIN unnest($1::text[]) AS k(name) LEFT JOIN "Cursor" c ON c.consumer = k.name AND c.room = r.id
      WHERE r.head > coalesce(c.seq, 0) AND NOT EXISTS (SELECT FROM "Retry" t
        WHERE t.consumer = k.name AND t.room = r.id AND t.seq > coalesce(c.seq, 0) AND t."nextAt" > now())) b
    WHERE n <= $2`,
  /** Retries whose time has come; `beside`: the cursor has passed them. */
  retries: `SELECT t.consumer, t.room, t.seq, t.seq <= coalesce(c.seq, 0) AS beside FROM unnest($1::text[]) AS k(name)
    CROSS JOIN LATERAL (SELECT consumer, room, seq FROM "Retry" WHERE consumer = k.name AND "nextAt" <= now()
      ORDER BY "nextAt" LIMIT $2) t
    LEFT JOIN LATERAL (SELECT seq FROM "Cursor" WHERE consumer = t.consumer AND room = t.room LIMIT 1) c ON true`,
  retry: `SELECT t.attempt AS "retryAttempt", ${ENTRY_COLUMNS} FROM "Retry" t LEFT JOIN "Event" e ON e.room = t.room AND e.seq = t.seq
    WHERE t.consumer = $1 AND t.room = $2 AND t.seq = $3`,
  /** How far each consumer is behind; the age is that of the oldest event that it has not passed, of its first $1 rooms. */
  lag: `WITH behind AS MATERIALIZED (
      SELECT k.name, r.id, r.head, greatest(c.seq, r.floor, 0) AS seq, row_number() OVER (PARTITION BY k.name) AS n
      FROM "Room" r CROSS JOIN "Consumer" k
      LEFT JOIN "Cursor" c ON c.consumer = k.name AND c.room = r.id WHERE r.head > coalesce(c.seq, 0)),
    oldest AS (SELECT b.name, min(e.at) AS at FROM behind b
      CROSS JOIN LATERAL (SELECT at FROM "Event" WHERE room = b.id AND seq > b.seq ORDER BY seq LIMIT 1) e WHERE b.n <= $1 GROUP BY b.name)
    SELECT k.name AS consumer, k.lost,
      (SELECT count(*)::int FROM behind WHERE name = k.name) AS rooms,
      (SELECT coalesce(sum(head - seq), 0) FROM behind WHERE name = k.name) AS events,
      (SELECT greatest(extract(epoch FROM clock_timestamp() - at), 0)::float8 FROM oldest WHERE name = k.name) AS seconds,
      (SELECT count(*)::int FROM "Retry" WHERE consumer = k.name) AS retries,
      (SELECT count(*)::int FROM "DeadLetter" WHERE consumer = k.name) AS "deadLetters"
    FROM "Consumer" k ORDER BY k.name`,
  recur: `INSERT INTO "Due" (consumer, key, at) SELECT name, '', now() + make_interval(secs => s)
    FROM unnest($1::text[], $2::float8[]) AS j(name, s) ON CONFLICT DO NOTHING`,
  /** The leader of now owns the claims of one that died. */
  unclaim: `UPDATE "Due" SET "claimedBy" = NULL WHERE "claimedBy" IS NOT NULL AND consumer = ANY($1::text[])`,
  /**
   * Claims of other terms than $2. Of those, the ones that an earlier look found ($3, $4, $5) are free again: another leader that is there,
   * too, ends its rows in that time, mostly.
   */
  abandoned: `WITH freed AS (UPDATE "Due" d SET "claimedBy" = NULL FROM unnest($3::text[], $4::text[], $5::uuid[]) AS s(consumer, key, term)
      WHERE d.consumer = s.consumer AND d.key = s.key AND d."claimedBy" = s.term)
    SELECT consumer, key, "claimedBy" AS term FROM "Due"
    WHERE "claimedBy" IS NOT NULL AND "claimedBy" <> $2::uuid AND consumer = ANY($1::text[])`,
  claim: `UPDATE "Due" d SET "claimedBy" = $3::uuid, attempt = d.attempt + 1 FROM (
      SELECT t.consumer, t.key FROM unnest($1::text[], $2::int[]) AS j(name, free)
      CROSS JOIN LATERAL (SELECT consumer, key FROM "Due" WHERE consumer = j.name AND at <= now() AND "failedAt" IS NULL
        AND "claimedBy" IS NULL ORDER BY at LIMIT j.free FOR UPDATE SKIP LOCKED) t
    ) t WHERE d.consumer = t.consumer AND d.key = t.key RETURNING d.consumer, d.key, d.at, d.payload, d.attempt`,
  /** Claims of this term whose answer never came: they count as no attempt. A row that was given another time since has had none. */
  release: `UPDATE "Due" d SET "claimedBy" = NULL, attempt = greatest(d.attempt - 1, 0) WHERE d."claimedBy" = $1::uuid
    AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS r(consumer, key) WHERE r.consumer = d.consumer AND r.key = d.key)`,
  unfinished: `UPDATE "Due" SET "claimedBy" = NULL, attempt = greatest(attempt - 1, 0) WHERE consumer = $1 AND key = $2 AND "claimedBy" = $3::uuid`,
  /** One that was given another time ($7: the claimed one) since stays for it, with all its attempts. */
  failed: `UPDATE "Due" SET "claimedBy" = NULL, attempt = CASE WHEN at = $7::timestamptz THEN attempt ELSE 0 END, error = CASE WHEN at = $7::timestamptz THEN $4::text END,
      at = CASE WHEN at = $7::timestamptz THEN clock_timestamp() + make_interval(secs => $5) ELSE at END,
      "failedAt" = CASE WHEN at = $7::timestamptz AND $6 THEN now() END WHERE consumer = $1 AND key = $2 AND "claimedBy" = $3::uuid
    RETURNING "failedAt" IS NOT NULL AS gone`,
} as const

/** How far a consumer is behind in some rooms. @param rooms a query of them, as `room` */
export const lagIn = ({ text, values }: Statement, consumer: string): Statement => ({
  text: `WITH behind AS (
      SELECT r.id, r.head, greatest(c.seq, r.floor, 0) AS seq FROM (${text}) own
      CROSS JOIN LATERAL (SELECT id, head, floor FROM "Room" WHERE id = own.room LIMIT 1) r
      LEFT JOIN LATERAL (SELECT seq FROM "Cursor" WHERE consumer = $${values.length + 1} AND room = r.id LIMIT 1) c ON true
      WHERE r.head > greatest(c.seq, r.floor, 0))
    SELECT coalesce(sum(head - seq), 0) AS events, coalesce(max((SELECT extract(epoch FROM clock_timestamp() - e.at)::float8
      FROM "Event" e WHERE e.room = behind.id AND e.seq > behind.seq ORDER BY e.seq LIMIT 1)), 0) AS seconds FROM behind`,
  values: [...values, consumer],
})

/** An event of a room, for a consumer. */
export interface Place {
  consumer: string
  room: string
  seq: number
}

const at = ({ consumer, room, seq }: Place): unknown[] => [consumer, room, seq]

/**
 * Moves a cursor that stands where the leader thinks it does, in the history that it has read; else the write fails. A standby that was
 * promoted may lack the last events, and give their `seq` to others.
 */
export const moveCursor = ({ consumer, room, seq }: Place, from: number, fingerprint: string): Statement => ({
  text: `WITH moved AS (INSERT INTO "Cursor" AS c (consumer, room, seq) VALUES ($1, $2, $3)
      ON CONFLICT (consumer, room) DO UPDATE SET seq = excluded.seq WHERE c.seq = $4 RETURNING 1)
    SELECT assert_current(EXISTS (SELECT FROM moved) AND ${isCurrent('$5')})`,
  values: [consumer, room, seq, from, fingerprint],
})

/** What is known of a failed attempt. */
export interface FailedAttempt {
  attempt: number
  error: string
  /** Seconds. */
  delay: number
}

export const saveRetry = (place: Place, { attempt, error, delay }: FailedAttempt): Statement => ({
  text: `INSERT INTO "Retry" (consumer, room, seq, attempt, error, "nextAt")
    VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6))
    ON CONFLICT (consumer, room, seq) DO UPDATE SET attempt = excluded.attempt, error = excluded.error, "nextAt" = excluded."nextAt"`,
  values: [...at(place), attempt, error, delay],
})

/** Of an event that the cursor has passed; fails where another leader has tried it since. */
export const repeatRetry = (place: Place, was: number, { attempt, error, delay }: FailedAttempt): Statement => ({
  text: `WITH again AS (UPDATE "Retry" SET attempt = $5, error = $6, "nextAt" = clock_timestamp() + make_interval(secs => $7)
      WHERE consumer = $1 AND room = $2 AND seq = $3 AND attempt = $4 RETURNING 1)
    SELECT assert_current(EXISTS (SELECT FROM again))`,
  values: [...at(place), was, attempt, error, delay],
})

/** The same, of one that is over. */
export const endRetry = (place: Place, was: number): Statement => ({
  text: `WITH over AS (DELETE FROM "Retry" WHERE consumer = $1 AND room = $2 AND seq = $3 AND attempt = $4 RETURNING 1)
    SELECT assert_current(EXISTS (SELECT FROM over))`,
  values: [...at(place), was],
})

/** Removes the retries up to an event: the cursor has just been moved there. */
export const dropRetries = (place: Place, from: number): Statement => ({
  text: 'DELETE FROM "Retry" WHERE consumer = $1 AND room = $2 AND seq <= $3 AND seq > $4',
  values: [...at(place), from],
})

export const saveDeadLetter = (place: Place, { attempt, error }: Pick<FailedAttempt, 'attempt' | 'error'>): Statement => ({
  text: `INSERT INTO "DeadLetter" (consumer, room, seq, attempts, error) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (consumer, room, seq) DO UPDATE SET attempts = excluded.attempts, error = excluded.error, at = now()`,
  values: [...at(place), attempt, error],
})

export const countLost = (consumer: string, lost: number): Statement => ({
  text: 'UPDATE "Consumer" SET lost = lost + $2 WHERE name = $1',
  values: [consumer, lost],
})

/** A claimed row of `Due`. */
export interface Claim {
  consumer: string
  key: string
  /** Of the leader. */
  term: string
}

/**
 * Ends a row; one that was given another time since stays for it. The row is locked first: of one that is given another time at this moment,
 * the snapshot of the statement has the old time, and a row that matches neither would stay claimed.
 */
export const endDue = ({ consumer, key, term }: Claim, at: Date): Statement => ({
  text: `WITH mine AS MATERIALIZED (SELECT at FROM "Due" WHERE consumer = $1 AND key = $2 AND "claimedBy" = $3::uuid FOR UPDATE),
    over AS (DELETE FROM "Due" d USING mine WHERE d.consumer = $1 AND d.key = $2 AND mine.at = $4::timestamptz RETURNING 1),
    again AS (UPDATE "Due" d SET "claimedBy" = NULL, attempt = 0, error = NULL FROM mine
      WHERE d.consumer = $1 AND d.key = $2 AND mine.at <> $4::timestamptz RETURNING 1)
    SELECT assert_current(EXISTS (SELECT FROM over) OR EXISTS (SELECT FROM again))`,
  values: [consumer, key, term, at.toISOString()],
})

/** The next time of a row that recurs, in seconds. */
export const repeatDue = ({ consumer, key, term }: Claim, seconds: number): Statement => ({
  text: `WITH over AS (UPDATE "Due" SET "claimedBy" = NULL, attempt = 0, error = NULL, at = clock_timestamp() + make_interval(secs => $4)
      WHERE consumer = $1 AND key = $2 AND "claimedBy" = $3::uuid RETURNING 1)
    SELECT assert_current(EXISTS (SELECT FROM over))`,
  values: [consumer, key, term, seconds],
})

/** Makes a row due at a time; one that is there gets the new time. */
export const makeDue = (consumer: string, { key, at, payload }: { key: string; at: Date; payload: unknown }): Statement => ({
  text: `INSERT INTO "Due" (consumer, key, at, payload) VALUES ($1, $2, $3::timestamptz, $4::json)
    ON CONFLICT (consumer, key) DO UPDATE SET at = excluded.at, payload = excluded.payload, attempt = 0, error = NULL, "failedAt" = NULL`,
  values: [consumer, key, at.toISOString(), JSON.stringify(payload ?? {})],
})

/** Makes a row due; one that waits keeps its time, and one that runs is run again only where that is asked for. */
export const makeDueOnce = (
  consumer: string,
  { key, at, payload, again }: { key: string; at: Date; payload: unknown; again: boolean },
): Statement => ({
  text: `INSERT INTO "Due" (consumer, key, at, payload) VALUES ($1, $2, $3::timestamptz, $4::json)
    ON CONFLICT (consumer, key) DO UPDATE SET at = excluded.at, payload = excluded.payload, attempt = 0, error = NULL, "failedAt" = NULL
    WHERE "Due"."failedAt" IS NOT NULL OR ($5 AND "Due"."claimedBy" IS NOT NULL)`,
  values: [consumer, key, at.toISOString(), JSON.stringify(payload ?? {}), again],
})

/**
 * Makes rows due at once, of all keys that a query finds: one that waits for a later time does not wait any more, one that runs is run again,
 * for which its time has to be another one, and one that was given up is taken up.
 * @param keys a query of them, as `key`, in one order for all writers
 */
export const makeDueNow = (consumer: string, { text, values }: Statement): Statement => ({
  text: `INSERT INTO "Due" (consumer, key, at) SELECT $${values.length + 1}, k.key, now() FROM (${text}) k
    ON CONFLICT (consumer, key) DO UPDATE SET attempt = 0, error = NULL, "failedAt" = NULL,
      at = CASE WHEN "Due".at = excluded.at THEN excluded.at + interval '1 ms' ELSE excluded.at END
    WHERE "Due".at > excluded.at OR "Due"."claimedBy" IS NOT NULL OR "Due"."failedAt" IS NOT NULL`,
  values: [...values, consumer],
})
