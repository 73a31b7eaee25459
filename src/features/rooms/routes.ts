import type { FastifyInstance } from 'fastify'
import { projectRoom, rooms } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { END } from '../../rooms/log.ts'
import { readSnapshot } from './snapshot.ts'

export function roomRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  const { log } = app.rooms

  app.serve(rooms.snapshot, async ({ params }) => ({ epoch: log.epoch(), ...(await readSnapshot(prisma, params.projectId)) }))

  app.serve(rooms.events, async ({ params, query }) => {
    const room = projectRoom(params.projectId)
    const position = await log.position(room)
    if (!position) throw problem('not-found')
    if (query.after < position.floor) throw problem('gone', `The log begins after ${position.floor}; load a snapshot`)
    const entries = await log.read(room, query.after, END, query.limit)
    return { data: entries.map(({ name, payload, meta }) => ({ name, payload, meta })), epoch: log.epoch(), ...position }
  })
}
