import { projectRoom, type Role, type RoomId } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { ProblemError } from '../../errors.ts'
import type { Feeds } from '../delivery/feeds.ts'
import { JoinQueue } from '../delivery/join-queue.ts'
import { joinRoom } from '../delivery/subscription.ts'
import { kinds, parseRoom, type RoomAccess } from '../kinds.ts'
import type { RoomSocket } from '../types.ts'

/** Projects that a socket is put into without being asked: one less than it may stand in, for one that it asks for. */
const MAX_AUTOMATIC = 255
/** It lost the race with a removal, a leave, a join that was asked for, or the end of the connection. */
const EXPECTED = new Set(['superseded', 'not-found', 'session-revoked'])

export interface AutomaticRoomsOptions {
  query: Query
  feeds: Feeds
  /** Called with failures; the socket is closed, so that its client comes again, and is not deaf in a project. */
  onError: (error: unknown, room?: RoomId) => void
}

export type AutomaticRooms = ReturnType<typeof createAutomaticRooms>
type Admitted = Pick<RoomAccess, 'head' | 'floor' | 'role'>

/** The newest of a person's projects, as far as their session reaches, each with its position, in one snapshot. */
async function projectsOf(query: Query, { data: { person, sessionId } }: RoomSocket) {
  const rows = await query<{ projectId: string; role: Role; head: string; floor: string }>(
    Prisma.sql`SELECT m."projectId", least(m.role, s."maxRole") AS role, r.head, r.floor FROM "Session" s
      JOIN "Member" m ON m."userId" = s."userId" AND (s."allProjects" OR m."projectId" = ANY(s."projectIds"))
      JOIN "Room" r ON r.id = 'project:' || m."projectId"
      WHERE s.id = ${sessionId}::uuid AND s."userId" = ${person.id}::uuid AND s."revokedAt" IS NULL AND s."expiresAt" > now()
      ORDER BY m."createdAt" DESC, m."projectId" LIMIT ${MAX_AUTOMATIC}`,
  )
  return rows.map(({ projectId, role, head, floor }) => ({
    room: projectRoom(projectId),
    admitted: { role, head: Number(head), floor: Number(floor) },
  }))
}

/** Puts sockets of dialects, whose clients ask for no room, into all projects of their person. It is no presence there. */
export function createAutomaticRooms({ query, feeds, onError }: AutomaticRoomsOptions) {
  const lookup = <T>(socket: RoomSocket, work: () => Promise<T>) => JoinQueue.of(socket).lookup(work)
  /** A join that was asked for is the client's own, also while it is under way. */
  const isTaken = (socket: RoomSocket, room: RoomId) => socket.data.rooms.has(room) || JoinQueue.isJoining(socket, room)

  async function join(socket: RoomSocket, room: RoomId, { role, ...at }: Admitted): Promise<void> {
    try {
      await joinRoom(socket, room, { plan: { mode: 'live' }, role, activity: true }, at, feeds)
    } catch (error) {
      if (!(error instanceof ProblemError && error.code === 'not-found')) throw error
      // Removed on the way, and perhaps added again, which left alone a socket that was joining.
      await joinAdmitted(socket, room)
    }
  }
  /** @throws problem not-found where their person may not be there now */
  async function joinAdmitted(socket: RoomSocket, room: RoomId): Promise<void> {
    const { person, sessionId } = socket.data
    const access = await lookup(socket, () => kinds.project.admit(query, { userId: person.id, sessionId }, parseRoom(room).id))
    if (!isTaken(socket, room)) await join(socket, room, access)
  }

  async function attempt(socket: RoomSocket, work: () => Promise<unknown>, room?: RoomId): Promise<void> {
    try {
      await work()
    } catch (error) {
      if ((error instanceof ProblemError && EXPECTED.has(error.code)) || !socket.connected) return
      onError(error, room)
      socket.conn.close()
    }
  }

  return {
    /** Puts a socket into all projects of its person that it is not in. Resolves when it is live there; never rejects. */
    joinAll: (socket: RoomSocket): Promise<void> =>
      attempt(socket, async () => {
        const found = await lookup(socket, () => projectsOf(query, socket))
        const missing = found.filter(({ room }) => !isTaken(socket, room))
        await Promise.all(missing.map(({ room, admitted }) => attempt(socket, () => join(socket, room, admitted), room)))
      }),

    /** Puts a socket of a dialect into one project, if its person may be there now. Never rejects. */
    async joinOne(socket: RoomSocket, room: RoomId): Promise<void> {
      const { dialect, rooms } = socket.data
      // The user room is one of them.
      if (!dialect || rooms.size > MAX_AUTOMATIC) return
      await attempt(socket, () => joinAdmitted(socket, room), room)
    },
  }
}
