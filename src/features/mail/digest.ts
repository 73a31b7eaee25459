import { type Activity, projectRoom } from '@cutroom/contract'
import * as z from 'zod'
import { Prisma, type Query } from '../../db/client.ts'
import type { Log, LogEntry } from '../../rooms/log/log.ts'
import { excerpt } from '../shared/texts.ts'
import { activityText } from './activity-text.ts'
import { DigestWindow } from './digest-job.ts'
import type { Links } from './links.ts'
import type { Composer } from './outbox.ts'
import { type MailItem, type MailSection, renderMail } from './template.ts'

/** The newest events of a project that are looked at, bytes of them at a time, and lines of it in the mail. */
const EVENTS = 200
const BYTES = 1024 * 1024
const LINES = 10
/** Events that make a thing. */
const MAKES = /:(created|reply|uploaded)$/
/** Projects in one mail, those in which most happened; of more it says that there are some. */
const PROJECTS = 20

const Payload = z.object({ userId: z.uuid(), windows: z.array(DigestWindow) })

/** Where a digest finds what happened. */
export interface DigestSource {
  log: Pick<Log, 'read'>
  activityOf: (entry: LogEntry) => Activity | null
}

interface Shown {
  projectId: string
  name: string
  userName: string
  email: string
}

/** The projects that the person is still in, and wants a digest of. */
const shownNow = (userId: string, projectIds: readonly string[]): Prisma.Sql => Prisma.sql`
  SELECT m."projectId", j.name, u.name AS "userName", u.email FROM "Member" m
  JOIN "User" u ON u.id = m."userId"
  JOIN "Project" j ON j.id = m."projectId" AND j."deletedAt" IS NULL
  LEFT JOIN "MemberMail" r ON r."projectId" = m."projectId" AND r."userId" = m."userId"
  LEFT JOIN "MailPreference" p ON p."userId" = m."userId"
  WHERE m."userId" = ${userId}::uuid AND m."projectId" = ANY(${projectIds}::uuid[])
    AND coalesce(r.digest, p.digest, 'weekly') <> 'off' ORDER BY j.name, j.id`

/** What others did, the newest first: once for each thing and action. What was made and deleted again is no news. */
function newestOf(activities: readonly Activity[], userId: string): Activity[] {
  const gone = new Set<string>()
  const seen = new Set<string>()
  const found: Activity[] = []
  for (const activity of activities.toReversed()) {
    const { target, action, actor } = activity
    const key = `${action} ${target.id} ${actor?.id}`
    const isShown = !gone.has(target.id) && !seen.has(key) && actor !== null && actor.id !== userId
    if (action.endsWith(':deleted')) gone.add(target.id)
    else if (MAKES.test(action) && gone.has(target.id)) seen.add(`made ${target.id}`)
    seen.add(key)
    if (isShown) found.push(activity)
  }
  return found.filter(({ target }) => !seen.has(`made ${target.id}`))
}

/** Things that can go without an event of their own, with what they were in. */
const KINDS = ['task', 'vibe', 'cut', 'file', 'comment'] as const
/** Those of these ids that are there, with what a comment says now. */
const there = (ids: readonly string[]): Prisma.Sql => Prisma.sql`
  SELECT t.id, t.body FROM unnest(${[...new Set(ids)]}::uuid[]) AS a(id) CROSS JOIN LATERAL (
    SELECT id, body FROM "Comment" WHERE id = a.id UNION ALL SELECT id, NULL FROM "Task" WHERE id = a.id
    UNION ALL SELECT id, NULL FROM "Vibe" WHERE id = a.id UNION ALL SELECT id, NULL FROM "Cut" WHERE id = a.id
    UNION ALL SELECT id, NULL FROM "File" WHERE id = a.id LIMIT 1) t`

/** As it is when the mail is written: without what is gone by then, and with comments as they read after their last edit. */
async function asTheyAre(query: Query, activities: readonly Activity[]): Promise<Activity[]> {
  const canBeGone = ({ action, target }: Activity) => !action.endsWith(':deleted') && KINDS.some((kind) => kind === target.type)
  const ids = activities.filter(canBeGone).map(({ target }) => target.id)
  const found = new Map((await query<{ id: string; body: string | null }>(there(ids))).map(({ id, body }) => [id, body]))
  return activities.flatMap((activity) => {
    if (!canBeGone(activity)) return [activity]
    const body = found.get(activity.target.id)
    if (body === undefined) return []
    return [body === null ? activity : { ...activity, target: { ...activity.target, name: excerpt(body) } }]
  })
}

/** The mail about what others did in a person's projects. */
export function digestComposer({ log, activityOf }: DigestSource, links: Links): Composer {
  async function linesOf(query: Query, { projectId, after, upTo, since }: DigestWindow, userId: string): Promise<Activity[]> {
    const activities: Activity[] = []
    for (let from = Math.max(after, upTo - EVENTS); from < upTo; ) {
      const entries = await log.read(projectRoom(projectId), from, upTo, EVENTS, BYTES)
      const last = entries.at(-1)
      if (!last) break
      for (const entry of entries) {
        const activity = since === null || entry.meta.at >= since ? activityOf(entry) : null
        if (activity) activities.push(activity)
      }
      from = last.meta.seq
    }
    return asTheyAre(query, newestOf(activities, userId))
  }

  return async (query: Query, payload: unknown) => {
    const { userId, windows } = Payload.parse(payload)
    const byProject = new Map(windows.map((window) => [window.projectId, window]))
    const happened = ({ projectId }: Shown) => {
      const { after, upTo } = byProject.get(projectId) ?? { after: 0, upTo: 0 }
      return upTo - after
    }
    const shown = (await query<Shown>(shownNow(userId, [...byProject.keys()]))).sort((a, b) => happened(b) - happened(a))
    const sections: MailSection[] = []
    for (const { projectId, name } of shown) {
      if (sections.length === PROJECTS) break
      const window = byProject.get(projectId)
      const activities = window ? await linesOf(query, window, userId) : []
      if (activities.length === 0) continue
      const items: MailItem[] = activities
        .slice(0, LINES)
        .map((activity) => ({ ...activityText(activity), url: links.page(activity.link) }))
      if (activities.length > LINES)
        items.push({ text: 'And more in the project', url: links.page(`/projects/${projectId}/activity`) })
      const end = links.unsubscribe({ userId, kind: 'digest', projectId })
      sections.push({ title: name, items, link: { label: 'No digest of this project any more', url: end.page } })
    }
    const [first] = shown
    if (!first || sections.length === 0) return null
    const end = links.unsubscribe({ userId, kind: 'digest', projectId: null })
    const heading = sections.length === 1 ? `What is new in ${sections[0]?.title}` : 'What is new in your projects'
    return {
      to: { name: first.userName, address: first.email },
      subject: heading,
      unsubscribeUrl: end.oneClick,
      ...renderMail({
        heading,
        paragraphs: [
          'What others did since the last mail of this kind, the newest first.',
          ...(shown.length > PROJECTS && sections.length === PROJECTS
            ? ['More of your projects have news than fit into a mail: these are those in which most happened.']
            : []),
        ],
        button: { label: 'Open Cutroom', url: links.page('/activity') },
        sections,
        notes: ['You get this mail because you are a member of these projects.'],
        unsubscribe: { label: 'No digests any more', url: end.page },
      }),
    }
  }
}
