import type pg from 'pg'

/** Settings of one connection to Postgres, by name. */
export type SessionSettings = Readonly<Record<string, string>>

/**
 * Settings that can change what a statement answers, whether it runs, or how durable it is. A database, a role, a server or a
 * pooler may have set any of them; Cutroom sets its own values on each connection, so that results are the same everywhere.
 * What only makes statements faster or slower (memory, costs, parallel workers) stays as the operator has it.
 */
const FIXED: SessionSettings = {
  // How values are written and read.
  client_encoding: 'UTF8',
  TimeZone: 'UTC',
  timezone_abbreviations: 'Default',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  xmlbinary: 'base64',
  xmloption: 'content',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  default_text_search_config: 'pg_catalog.simple',
  // How SQL is read.
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  // Transactions. One message of several statements is a transaction, too, which no BEGIN can give other properties.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  // Off: an error where a policy would hide rows.
  row_security: 'off',
  restrict_nonsystem_relation_kind: '',
  exit_on_error: 'off',
  client_min_messages: 'notice',
  // Functions and migrations.
  check_function_bodies: 'on',
  default_table_access_method: 'heap',
  'plpgsql.extra_errors': 'none',
  'plpgsql.extra_warnings': 'none',
  // Plans. Lookups by an index must stay possible; a limit on GIN makes searches answer less.
  gin_fuzzy_search_limit: '0',
  enable_bitmapscan: 'on',
  enable_hashagg: 'on',
  enable_hashjoin: 'on',
  enable_incremental_sort: 'on',
  enable_indexonlyscan: 'on',
  enable_indexscan: 'on',
  enable_material: 'on',
  enable_memoize: 'on',
  enable_mergejoin: 'on',
  enable_nestloop: 'on',
  enable_seqscan: 'on',
  enable_sort: 'on',
  enable_tidscan: 'on',
  force_parallel_mode: 'off',
  debug_parallel_query: 'off',
  // Every statement here is short; compiling one takes longer than running it.
  jit: 'off',
  // Limits; 0 is none.
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
}

/** The same for settings that only a superuser, or a role that was granted them, may change. */
const PRIVILEGED: SessionSettings = {
  session_replication_role: 'origin',
  deadlock_timeout: '1s',
  lc_messages: 'C',
  zero_damaged_pages: 'off',
  ignore_checksum_failure: 'off',
}

/** Values under which promises break, and which this connection may not be allowed to change. */
const REQUIRED: SessionSettings = {
  session_replication_role: 'origin', // otherwise no trigger runs: events get no position
  ignore_system_indexes: 'off',
  zero_damaged_pages: 'off',
  ignore_checksum_failure: 'off',
}

/** A connection is of no use: a setting breaks promises and cannot be changed here. */
export class UnfitConnectionError extends Error {
  readonly code = 'CUTROOM_UNFIT'
}

/**
 * Schema that `?schema=` in a database URL names.
 * @returns 'public' where it names none
 */
export function schemaOf(databaseUrl: string): string {
  return (URL.canParse(databaseUrl) && new URL(databaseUrl).searchParams.get('schema')) || 'public'
}

const pairs = (client: pg.ClientBase, settings: SessionSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `(${client.escapeLiteral(name)}, ${client.escapeLiteral(value)})`)
    .join()

/** A name that exists in this version; a name with a dot belongs to a library, which may be loaded later. */
const EXISTS = `(name LIKE '%.%' OR current_setting(name, true) IS NOT NULL)`

/**
 * Brings a new connection to known settings in one round trip: by statements, since poolers refuse start parameters they do not
 * know. The first two statements free the rest of limits, of serializable snapshots and of waiting for one.
 * @param settings over the fixed ones
 * @throws UnfitConnectionError, and what `pg` throws
 */
export async function prepareConnection(client: pg.ClientBase, schema: string, settings: SessionSettings = {}): Promise<void> {
  const wanted = { ...FIXED, search_path: client.escapeIdentifier(schema), ...settings }
  const statements = [
    'SET statement_timeout = 0',
    'BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE',
    `SELECT set_config(name, value, false) FROM (VALUES ${pairs(client, wanted)}) AS wanted (name, value) WHERE ${EXISTS}`,
    `SELECT set_config(name, value, false) FROM (VALUES ${pairs(client, PRIVILEGED)}) AS wanted (name, value)
     WHERE has_parameter_privilege(name, 'SET')`,
    // Weaker than `on` loses answered writes; `remote_apply` is stronger, and the operator's to choose.
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`,
    `SELECT name, current_setting(name) AS value FROM (VALUES ${pairs(client, REQUIRED)}) AS required (name, value)
     WHERE current_setting(name, true) <> value`,
    'COMMIT',
  ]
  // Several statements in one message have several results, which the types of `pg` do not know.
  const results = (await client.query(statements.join(';\n'))) as unknown as pg.QueryResult<{ name: string; value: string }>[]
  const wrong = results.at(-2)?.rows[0]
  if (wrong)
    throw new UnfitConnectionError(
      `DATABASE_URL: its role may not change ${wrong.name}, which is ${wrong.value}: reset it on the role, the database or the server (ALTER ROLE … RESET ${wrong.name})`,
    )
}
