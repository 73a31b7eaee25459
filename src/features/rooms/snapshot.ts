import { projectRoom, type Snapshot } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { presentComment, withPeople as withCommentPeople } from '../comments/present.ts'
import { presentCut, presentLyrics } from '../cuts/present.ts'
import { presentMember, withUser } from '../members/present.ts'
import { withAuthor } from '../present.ts'
import { presentProject } from '../projects/present.ts'
import { presentTask, withPeople } from '../tasks/present.ts'
import { presentVibe } from '../vibes/present.ts'

/** All of a project and the exact position in its log that it shows: `seq` is given inside COMMIT, with the rows. */
export function readSnapshot(prisma: Database['prisma'], projectId: string): Promise<Omit<Snapshot, 'epoch'>> {
  return prisma.$transaction(
    async (tx) => {
      const where = { projectId }
      const room = await tx.room.findUnique({ where: { id: projectRoom(projectId) } })
      const project = await tx.project.findUnique({ where: { id: projectId }, include: withAuthor })
      if (!room || !project) throw problem('not-found')
      const members = await tx.member.findMany({ where, include: withUser, orderBy: [{ createdAt: 'asc' }, { userId: 'asc' }] })
      const tasks = await tx.task.findMany({ where, include: withPeople, orderBy: { rank: 'asc' } })
      const vibes = await tx.vibe.findMany({ where, include: withAuthor, orderBy: { rank: 'asc' } })
      const cuts = await tx.cut.findMany({ where, include: withAuthor, orderBy: { rank: 'asc' } })
      const lyrics = await tx.lyrics.findMany({ where })
      const comments = await tx.comment.findMany({ where, include: withCommentPeople, orderBy: { id: 'asc' } })
      return {
        seq: Number(room.head),
        head: Number(room.head),
        nextCursor: null,
        project: presentProject(project),
        members: members.map(presentMember),
        tasks: tasks.map(presentTask),
        vibes: vibes.map(presentVibe),
        cuts: cuts.map(presentCut),
        lyrics: lyrics.map(presentLyrics),
        comments: comments.map(presentComment),
      }
    },
    { isolationLevel: 'RepeatableRead', maxWait: 5_000, timeout: 30_000 },
  )
}
