import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { type LogOnDisk, readLogOnDisk } from './oracle.ts'
import type { Stage } from './stage.ts'
import type { World } from './world.ts'

const EVERY_MS = 5_000
/** How long retention may be between the two statements of a step. */
const STEP_MS = 5_000

/** Copies the log from Postgres while it grows, for runs in which retention takes its beginning away. */
export function keepLog(stage: Stage, world: World): { read(): Promise<LogOnDisk> } {
  const rooms = new Map(
    world.projects.map(({ id }) => [
      `project:${id}`,
      { last: 0, rows: new Map<number, { id: string; mutationId: string | null }>() },
    ]),
  )
  const pool = new pg.Pool({ connectionString: direct(stage.databaseUrl), max: 1 })
  const missed: string[] = []

  async function copy(): Promise<void> {
    const { rows } = await pool.query<{ room: string; seq: string; id: string; mutationId: string | null }>(
      `SELECT e.room, e.seq, e.id, e."mutationId" FROM unnest($1::text[], $2::bigint[]) AS known(room, seq)
       JOIN "Event" e ON e.room = known.room AND e.seq > known.seq ORDER BY e.room, e.seq`,
      [[...rooms.keys()], [...rooms.values()].map(({ last }) => last)],
    )
    for (const { room, seq, id, mutationId } of rows) {
      const kept = rooms.get(room)
      if (!kept) continue
      if (Number(seq) !== kept.last + 1) missed.push(`${room}: #${seq} after #${kept.last}`)
      kept.last = Number(seq)
      kept.rows.set(kept.last, { id, mutationId })
    }
  }
  let copying: Promise<unknown> = copy()
  const timer = setInterval(() => {
    copying = copying.then(copy)
    copying.catch(() => {})
  }, EVERY_MS)
  stage.undo(async () => {
    clearInterval(timer)
    await copying.catch(() => {})
    await pool.end()
  })

  return {
    async read() {
      clearInterval(timer)
      await copying
      await copy()
      let log = await readLogOnDisk(stage.databaseUrl, world)
      for (const end = Date.now() + STEP_MS; log.broken.length > 0 && Date.now() < end; )
        log = await readLogOnDisk(stage.databaseUrl, world)
      const times = new Map<string, number>()
      const entries: LogOnDisk['entries'] = new Map()
      for (const [room, kept] of rooms) {
        entries.set(room.slice('project:'.length), new Map([...kept.rows].map(([seq, { id }]) => [seq, id])))
        for (const { mutationId } of kept.rows.values())
          if (mutationId !== null) times.set(mutationId, (times.get(mutationId) ?? 0) + 1)
      }
      return { entries, heads: log.heads, times, broken: [...log.broken, ...missed] }
    },
  }
}
