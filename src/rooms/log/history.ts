import type { Database, Query, QueryResultRow, Statement } from '../../db/client.ts'
import { problem } from '../../errors.ts'

/**
 * Column `epoch`: the name of one history of one database. Another cluster (system identifier), a promotion after which the tail may be
 * lost (timeline), another database, and a dump restored into the same one (its tables are new files) all give another name.
 * Null on a standby, whose history is not ours to name, and where there are no tables yet.
 */
export const EPOCH = `(SELECT CASE WHEN NOT pg_is_in_recovery() THEN substr(md5(
  (SELECT system_identifier FROM pg_control_system()) || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  || '.' || pg_relation_filepath(to_regclass('"Room"'))), 1, 12) END) AS epoch`
/**
 * Which server answers, and from which files. It costs a tenth of EPOCH, so each row carries it. While it stays, the epoch stays; a pool or
 * proxy may have put any other server behind a connection that never broke.
 */
const SERVER = `(SELECT hashtextextended(extract(epoch FROM pg_postmaster_start_time())
  || pg_relation_filepath(to_regclass('"Room"')), 0))`
/** Column `fingerprint`. */
export const FINGERPRINT = `${SERVER} AS fingerprint`
/** Whether a fingerprint is that of now. @param value a parameter */
export const isCurrent = (value: string): string => `${SERVER} = ${value}::bigint`

export type NamedStatement = Statement & { name: string }
/** A row with the column FINGERPRINT. */
export interface Fingerprinted {
  fingerprint: string
}
interface EpochRow extends Fingerprinted {
  epoch: string | null
}

const databaseChanged = () => problem('unavailable', 'The database has changed', { retryAfter: 1 })

/** Runs statements whose answers all belong to the history that `epoch` names. */
export interface History {
  /** The name of the history, as last seen. */
  epoch(): string
  /** The listener runs in the tick in which another history is seen. */
  onEpoch(listener: () => void): void
  /**
   * Runs a statement whose rows carry FINGERPRINT.
   * @param run on other connections than those of delivery
   * @throws problem unavailable when the history changed before the answer
   */
  query<R extends Fingerprinted>(statement: NamedStatement, run?: Query): Promise<R[]>
  /** Runs a statement whose rows carry FINGERPRINT and EPOCH, and adopts that epoch. */
  queryEpoch<R extends EpochRow>(statement: NamedStatement): Promise<R[]>
}

/**
 * @param readers connections for delivery
 * @throws problem unavailable when the database is a standby
 */
export async function openHistory(readers: Database['readers']): Promise<History> {
  let serverFingerprint = ''
  let epoch = ''
  const listeners: (() => void)[] = []

  function adoptEpoch(seen: EpochRow): void {
    if (seen.epoch === null) throw problem('unavailable', 'The database is a standby, or empty', { retryAfter: 1 })
    const before = epoch
    serverFingerprint = seen.fingerprint
    epoch = seen.epoch
    if (before !== '' && before !== epoch) for (const listener of listeners) listener()
  }
  async function refreshEpoch(): Promise<void> {
    const { rows } = await readers.query<EpochRow>(`SELECT ${FINGERPRINT}, ${EPOCH}`)
    for (const row of rows) adoptEpoch(row)
  }
  const onReaders: Query = async <R extends QueryResultRow>(statement: Statement) =>
    (await readers.query<R>(statement as NamedStatement)).rows
  await refreshEpoch()

  return {
    epoch: () => epoch,
    onEpoch: (listener) => void listeners.push(listener),
    async query<R extends Fingerprinted>(statement: NamedStatement, run = onReaders) {
      const epochBefore = epoch
      const rows = await run<R>(statement)
      const seen = rows[0]?.fingerprint ?? serverFingerprint
      if (seen !== serverFingerprint) await refreshEpoch()
      if (seen !== serverFingerprint || epochBefore !== epoch) throw databaseChanged()
      return rows
    },
    async queryEpoch<R extends EpochRow>(statement: NamedStatement) {
      const epochBefore = epoch
      const { rows } = await readers.query<R>(statement)
      // The answer of a server that a later answer has already replaced is ignored.
      if (epochBefore !== epoch && rows[0]?.epoch !== epoch) throw databaseChanged()
      if (rows[0]) adoptEpoch(rows[0])
      return rows
    },
  }
}
