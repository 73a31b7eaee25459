import type pg from 'pg'
import { BESIDES, Prisma } from './client.ts'
import { OWNER } from './embedded/owner.ts'

/** PostgreSQL 15, as server_version_num has it. */
const OLDEST = 150_000

/** What the start is refused for: one line that names a variable and the cure. */
export class UnfitDatabaseError extends Error {}

interface Server {
  encoding: string
  standby: boolean
  /** Connections that this role may have, at most, beside the one by which an embedded Postgres is claimed. */
  connections: number
}

const SERVER = `SELECT current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby,
  (SELECT least(current_setting('max_connections')::int
      - (SELECT count(*)::int FROM pg_stat_activity WHERE application_name = '${OWNER}') - CASE WHEN r.rolsuper THEN 0 ELSE
      current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0) END,
    CASE WHEN NOT r.rolsuper AND r.rolconnlimit >= 0 THEN r.rolconnlimit END,
    CASE WHEN NOT r.rolsuper AND d.datconnlimit >= 0 THEN d.datconnlimit END)
   FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()) AS connections`

/**
 * Asks before anything that an old server would not understand.
 * @throws UnfitDatabaseError
 */
export async function checkVersion(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num')
  const version = Number(rows[0]?.server_version_num)
  if (version < OLDEST)
    throw new UnfitDatabaseError(
      `DATABASE_URL leads to PostgreSQL ${Math.floor(version / 10_000)}: PostgreSQL 15 or later is needed`,
    )
}

/**
 * Looks at what no connection can set for itself.
 * @param requests connections for requests, DATABASE_POOL
 * @throws UnfitDatabaseError
 */
export async function checkServer(client: pg.ClientBase, requests: number): Promise<void> {
  const [server] = (await client.query<Server>(SERVER)).rows
  if (!server) throw new UnfitDatabaseError('DATABASE_URL: its role is not in pg_roles')
  const { encoding, standby, connections } = server
  if (encoding !== 'UTF8')
    throw new UnfitDatabaseError(
      `DATABASE_URL leads to a database in ${encoding}: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    )
  if (standby) throw new UnfitDatabaseError('DATABASE_URL leads to a standby, which cannot be written: name the primary')
  if (connections < requests + BESIDES)
    throw new UnfitDatabaseError(
      `DATABASE_POOL: ${requests} connections and ${BESIDES} more are needed, and the server gives this role ${connections}: lower it, or raise max_connections or the CONNECTION LIMIT`,
    )
}

interface Place {
  there: boolean
  /** The role may make tables there. */
  creates: boolean
  /** The role may make the schema. */
  makes: boolean
  role: string
  /** A relation there; null where there is none. */
  holds: string | null
  migrated: boolean
}

const PLACE = `SELECT n.oid IS NOT NULL AS there, coalesce(has_schema_privilege(n.oid, 'CREATE'), false) AS creates,
  has_database_privilege(current_database(), 'CREATE') AS makes, current_user AS role,
  (SELECT min(relname) FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('r', 'p', 'v', 'm', 'f')) AS holds,
  EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = '_prisma_migrations') AS migrated
  FROM (VALUES ($1::text)) AS wanted (name) LEFT JOIN pg_namespace n ON n.nspname = wanted.name`

/**
 * Looks at the schema before migrations are applied, and makes it where it is missing.
 * @throws UnfitDatabaseError
 */
export async function prepareSchema(client: pg.ClientBase, schema: string): Promise<void> {
  const [place] = (await client.query<Place>(PLACE, [schema])).rows
  if (!place) return
  const name = client.escapeIdentifier(schema)
  const role = client.escapeIdentifier(place.role)
  if (!place.there && !place.makes)
    throw new UnfitDatabaseError(
      `DATABASE_URL: the schema ${name} does not exist, and its role may not make it: CREATE SCHEMA ${name} AUTHORIZATION ${role}`,
    )
  if (!place.there) {
    await client.query(['CREATE SCHEMA IF NOT EXISTS', name].join(' '))
    return
  }
  if (!place.creates)
    throw new UnfitDatabaseError(
      `DATABASE_URL: its role may not make tables in the schema ${name}: GRANT USAGE, CREATE ON SCHEMA ${name} TO ${role}`,
    )
  if (place.holds !== null && !place.migrated) throw foreign(name, place.holds)
}

/** A database of another program. */
export const foreign = (schema: string, holds: string): UnfitDatabaseError =>
  new UnfitDatabaseError(
    `DATABASE_URL: the schema ${schema} holds what is not Cutroom's (${JSON.stringify(holds)}, say): name an empty database, or a schema of its own with ?schema=cutroom`,
  )

/** A table of ours that the role may not read and write, or of which a policy may hide rows from it. */
const CLOSED = `SELECT relname AS name, row_security_active(c.oid) AS hidden, current_user AS role FROM pg_class c
  WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relname = ANY($2) AND (row_security_active(c.oid)
    OR NOT has_table_privilege(c.oid, 'SELECT') OR relname <> '_prisma_migrations' AND NOT (has_table_privilege(c.oid, 'INSERT')
    AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))) ORDER BY 1 LIMIT 1`
const TABLES = [...Object.values(Prisma.ModelName), '_prisma_migrations']

/**
 * Looks at the tables that are there: another role may have made them.
 * @throws UnfitDatabaseError
 */
export async function checkTables(client: pg.ClientBase, schema: string): Promise<void> {
  const [table] = (await client.query<{ name: string; hidden: boolean; role: string }>(CLOSED, [schema, TABLES])).rows
  if (!table) return
  const name = `${client.escapeIdentifier(schema)}.${client.escapeIdentifier(table.name)}`
  const role = client.escapeIdentifier(table.role)
  throw new UnfitDatabaseError(
    table.hidden
      ? `DATABASE_URL: row level security may hide rows of ${name} from its role: make the role its owner, or give it BYPASSRLS`
      : `DATABASE_URL: its role may not read and write ${name}: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${client.escapeIdentifier(schema)} TO ${role}`,
  )
}
