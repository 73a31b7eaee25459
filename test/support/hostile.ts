/**
 * Settings of a database under which a program that sets none of its own answers something else, or nothing. With TEST_HOSTILE=1
 * each database of the tests has them.
 */
export const HOSTILE: Record<string, string> = {
  TimeZone: 'America/Los_Angeles',
  timezone_abbreviations: 'Australia',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  search_path: '',
  client_encoding: 'LATIN1',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  synchronous_commit: 'off',
  statement_timeout: '200ms',
  lock_timeout: '1ms',
  // Longer than a busy machine needs from the beginning of a connection to its first statement.
  idle_session_timeout: '5s',
  idle_in_transaction_session_timeout: '200ms',
  exit_on_error: 'on',
  xmlbinary: 'hex',
  xmloption: 'document',
  check_function_bodies: 'off',
  client_min_messages: 'error',
  gin_fuzzy_search_limit: '1',
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
  jit_above_cost: '0',
  'plpgsql.extra_errors': 'all',
}

/** Settings a test needs on its own connections, as start parameters, which go before those of the database. */
const PLAIN = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  search_path: 'public',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  synchronous_commit: 'on',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  exit_on_error: 'off',
  client_min_messages: 'notice',
  check_function_bodies: 'on',
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_bitmapscan: 'on',
  jit: 'off',
  'plpgsql.extra_errors': 'none',
}

export const isHostile = (): boolean => process.env.TEST_HOSTILE === '1'

/** URL for a connection that a test itself opens: as the given one, whatever its database has set. */
export function direct(url: string): string {
  if (!isHostile()) return url
  const made = new URL(url)
  const options = Object.entries(PLAIN).map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  made.searchParams.set('options', [...options, made.searchParams.get('options') ?? ''].join(' ').trim())
  return made.href
}

/** SQL that gives a database these settings. */
export const hostility = (database: string): string =>
  Object.entries(HOSTILE)
    .map(([name, value]) => `ALTER DATABASE "${database}" SET ${name} = '${value}';`)
    .join('\n')
