import { constants } from 'node:os'
import type { Config } from '../config.ts'
import { type Database, openDatabase } from '../db/client.ts'
import { startEmbeddedPostgres } from '../db/embedded/embedded.ts'
import { runningPostgres } from '../db/embedded/running.ts'
import { migrate } from '../db/migrate.ts'
import { hashToken, refreshTokens } from '../features/auth/refresh-token.ts'
import { type Commit, createCommit } from '../rooms/log/commit.ts'
import { configure } from './configure.ts'
import { CommandError, note } from './output.ts'

/** What a command works on: the database of the configuration, also while a server uses it. */
export interface Store {
  config: Config
  databaseUrl: string
  prisma: Database['prisma']
  query: Database['query']
  begin: Database['begin']
  pool: Database['pool']
  commit: Commit
}

/** Connections of a command. */
const CONNECTIONS = 2

/** The URL of the database, and how to leave it: that of `DATABASE_URL`, of a server that runs here, or one that is started for this. */
export async function reach(config: Config): Promise<{ url: string; leave: () => Promise<void> }> {
  const nothing = async () => {}
  const url = config.databaseUrl ?? runningPostgres(config.dataDir, note)
  if (url !== null) return { url, leave: nothing }
  // A process that dies of a signal leaves Postgres running; one that exits takes it along.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  const own = await startEmbeddedPostgres({ dataDir: config.dataDir, log: note })
  return { url: own.url, leave: () => own.stop() }
}

/** Runs a command on the database, which has its tables after this. Servers notice within a second what it commits. */
export async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const config = configure()
  const { url, leave } = await reach(config)
  try {
    await migrate(url, { log: note, connections: 0 })
    const database = openDatabase(url, { connections: CONNECTIONS, onError: ({ message }) => note(message) })
    try {
      return await work({
        config,
        databaseUrl: url,
        prisma: database.prisma,
        query: database.query,
        begin: database.begin,
        pool: database.pool,
        commit: createCommit({ begin: database.begin, poke: () => {} }),
      })
    } finally {
      await database.close()
    }
  } finally {
    await leave()
  }
}

/** Whether `JWT_SECRET` here is the one of the server that opened the newest session; null where there is none to compare. */
export async function isServersSecret({ prisma, config }: Pick<Store, 'prisma' | 'config'>): Promise<boolean | null> {
  const session = await prisma.session.findFirst({ where: { name: null }, orderBy: { id: 'desc' } })
  if (!session) return null
  return hashToken(refreshTokens(config.jwtSecret).of(session.id, session.generation)) === session.tokenHash
}

/** The person with this e-mail. @throws CommandError */
export async function personOf({ prisma }: Store, email: string) {
  const user = await prisma.user.findUnique({ where: { email: email.toLowerCase() } })
  if (!user) throw new CommandError(`There is no account with the e-mail ${email}: cutroom user list shows all`)
  return user
}
