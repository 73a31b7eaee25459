import { type RoomId, userRoom } from '@cutroom/contract'
import { type Database, openDatabase, Prisma } from '../../src/db/client.ts'
import { newId } from '../../src/db/ids.ts'
import { createMessage } from '../../src/features/conversations/messages.ts'
import { type Commit, createCommit, type Write } from '../../src/rooms/log/commit.ts'
import { alternate } from '../support/alternate.ts'
import { whileCounting } from '../support/cpu.ts'
import { median, round, spread } from '../support/numbers.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'

const SIZES = [2, 10, 50]
/** Conversations of each size, and writers at a time. */
const CONVERSATIONS = 20
const WRITERS = 8
const BODY = 'Have you heard the second take of the chorus? I like the bass much better now.'

/** An event in the room of each participant, or one in a room of the conversation's own. */
type Way = 'user rooms' | 'one room'

interface Site {
  way: Way
  size: number
  conversations: { id: string; people: string[]; room: RoomId }[]
}

/** Conversations of people who share one project, straight into the tables. */
async function seed({ query }: Database, size: number): Promise<Site['conversations']> {
  const conversations: Site['conversations'] = []
  for (let n = 0; n < CONVERSATIONS; n++) {
    const people = Array.from({ length: size }, newId)
    const [id, project] = [newId(), newId()]
    const room: RoomId = userRoom(newId())
    await query(
      Prisma.sql`INSERT INTO "User" (id, email, name, "passwordHash") SELECT id, id || '@example.com', 'Person', '' FROM unnest(${people}::uuid[]) id`,
    )
    await query(Prisma.sql`INSERT INTO "Project" (id, name, "authorId") VALUES (${project}::uuid, 'Album', ${people[0]}::uuid)`)
    await query(
      Prisma.sql`INSERT INTO "Member" ("projectId", "userId", role) SELECT ${project}::uuid, id, 'editor' FROM unnest(${people}::uuid[]) id`,
    )
    await query(
      Prisma.sql`INSERT INTO "Room" (id) SELECT 'user:' || id FROM unnest(${people}::uuid[]) id UNION ALL SELECT ${room}`,
    )
    await query(
      Prisma.sql`INSERT INTO "Conversation" (id, "authorId", pair) VALUES (${id}::uuid, ${people[0]}::uuid, ${size === 2 ? id : null})`,
    )
    await query(
      Prisma.sql`INSERT INTO "Participant" ("conversationId", "userId") SELECT ${id}::uuid, id FROM unnest(${people}::uuid[]) id`,
    )
    conversations.push({ id, people, room })
  }
  return conversations
}

/** The same write with its event in one room. */
const intoRoom = (write: Write, room: RoomId): Write =>
  Object.create(write, {
    emitAll: { value: (_: unknown, name: 'chat:message', payload: never) => void write.emit(room, name, payload) },
  })

/** Writes messages for so long. @returns how many */
async function writeMessages(commit: Commit, { way, conversations }: Site, ms: number): Promise<number> {
  let done = 0
  const end = performance.now() + ms
  const writer = async (first: number) => {
    for (let n = first; performance.now() < end; n += WRITERS) {
      const { id, people, room } = conversations[n % conversations.length] as Site['conversations'][number]
      const author = people[n % people.length] as string
      await commit({ id: author, name: 'Person' }, (write) =>
        createMessage(way === 'one room' ? intoRoom(write, room) : write, id, author, BODY),
      )
      done++
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, n) => writer(n)))
  return done
}

async function run(bench: Bench): Promise<Result> {
  const [rounds, ms] = bench.quick ? [3, 700] : [7, 3_000]
  const postgres = await bench.postgres()
  const database = openDatabase(await postgres.migrated(), { connections: WRITERS, onError: () => {} })
  try {
    const commit = createCommit({ begin: database.begin, poke: () => {} })
    const sites: Site[] = []
    for (const size of SIZES) {
      const conversations = await seed(database, size)
      for (const way of ['one room', 'user rooms'] as const) sites.push({ way, size, conversations })
    }
    await database.query(Prisma.sql`ANALYZE`)
    const measured = await alternate(sites, {
      rounds,
      warmUp: (site) => writeMessages(commit, site, ms),
      async measure(site) {
        const { result, cpu } = await whileCounting({ server: [], postgres: postgres.pid }, () => writeMessages(commit, site, ms))
        return { perSecond: (result * 1000) / ms, postgres: (cpu.postgres * 1000) / result }
      },
      progress: (share, { way, size }) => bench.progress(share, `${size} people, ${way}`),
    })
    const of = (way: Way, size: number) => [...measured].find(([site]) => site.way === way && site.size === size)?.[1] ?? []
    const ratios = (size: number) =>
      of('user rooms', size).map((one, n) => one.perSecond / (of('one room', size)[n]?.perSecond ?? 1))
    return {
      rows: sites.map(({ way, size }) => ({
        subject: `${size} people, ${way}`,
        'messages/s': spread(of(way, size).map(({ perSecond }) => perSecond)),
        '÷ one room': way === 'one room' ? '' : spread(ratios(size)),
        'Postgres µs/message': spread(of(way, size).map(({ postgres }) => postgres)),
      })),
      ours: round(median(of('user rooms', 2).map(({ perSecond }) => perSecond)), 0),
      limit: round(median(of('one room', 2).map(({ perSecond }) => perSecond)), 0),
      ratio: round(median(ratios(2))),
      peers: {},
      asked: [],
      figures: sites.map((site) => ({ way: site.way, size: site.size, rounds: of(site.way, site.size) })),
    }
  } finally {
    await database.close()
  }
}

export const scenario: Scenario = {
  id: 'S17',
  title: `Messages of conversations, ${WRITERS} writers: an event in the room of each participant, or one in a room of the conversation`,
  run,
}
