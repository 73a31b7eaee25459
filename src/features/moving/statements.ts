/** A row of the room of a project, whose log comes with it. */
export const ROOM = `INSERT INTO "Room" (id, head, floor) VALUES ($1, $2, $3)`

/** What follows from an event was done where it happened: no consumer here reads the history that comes along. */
export const CONSUMED = `INSERT INTO "Cursor" (consumer, room, seq) SELECT name, $1, $2::bigint FROM "Consumer"`
/** The same for activities and for digests by mail. */
export const SEEN = `INSERT INTO "ActivityRead" ("userId", "projectId", seq) SELECT "userId", "projectId", $2::bigint FROM "Member"
  WHERE "projectId" = $1::uuid`
export const MAILED = `INSERT INTO "MemberMail" ("userId", "projectId", "upTo") SELECT "userId", "projectId", $2::bigint FROM "Member"
  WHERE "projectId" = $1::uuid`

/** Members who want no digests of the project by mail. */
export const OPT_OUT = `UPDATE "MemberMail" SET digest = 'off' WHERE "projectId" = $1::uuid AND "userId" = ANY ($2::uuid[])`

/** Objects get their files; answers those that were still there. */
export const CLAIM = `UPDATE "StoredObject" o SET "fileId" = f.id FROM "File" f
  WHERE f."objectKey" = o.key AND f."projectId" = $1::uuid AND o."fileId" IS NULL RETURNING o.key`
/** Objects without a file are swept an hour after this. */
export const RENEW = 'UPDATE "StoredObject" SET "createdAt" = now() WHERE key = ANY ($1::uuid[]) AND "fileId" IS NULL'

/** Accounts that come as one JSON, and their rooms. `$2`: the hash of those that bring none. */
export const PEOPLE = `INSERT INTO "User" (id, email, name, "avatarUrl", "passwordHash", version, "createdAt", "updatedAt")
  SELECT id, email, name, "avatarUrl", coalesce("passwordHash", $2), version, "createdAt", "updatedAt" FROM json_populate_recordset(NULL::"User", $1::json)`
export const PEOPLES_ROOMS = `INSERT INTO "Room" (id) SELECT unnest($1::text[])`
