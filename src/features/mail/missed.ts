import type { NotificationKind } from '@cutroom/contract'
import * as z from 'zod'
import { Prisma } from '../../db/client.ts'
import { shortText, timeText } from './activity-text.ts'
import type { Links } from './links.ts'
import { unreadIn, unseenIn } from './missed-job.ts'
import type { Composer } from './outbox.ts'
import { type MailItem, renderMail } from './template.ts'

/** Lines of one mail. */
const LINES = 20

const Payload = z.object({ userId: z.uuid(), since: z.coerce.date().nullable(), upTo: z.coerce.date() })

interface Row {
  kind: NotificationKind
  actor: string | null
  project: string | null
  targetName: string | null
  text: string | null
  link: string
  createdAt: Date
  total: number
}

const WHAT: Record<NotificationKind, string> = {
  mention: 'mentioned you',
  reply: 'replied to you',
  assignment: 'gave you a task',
  invitation: 'invited you',
  added: 'added you',
  'role-changed': 'changed your role',
  upload: 'uploaded a take',
  approval: 'approved your work',
}

function itemOf(row: Row, links: Links): MailItem {
  const text = `${row.actor ?? 'Cutroom'} ${WHAT[row.kind]}${row.project === null ? '' : ` in ${row.project}`}`
  const said = row.text ?? row.targetName
  const detail = `${said === null ? '' : `${shortText(said)} · `}${timeText(row.createdAt.toISOString())}`
  return { text, detail, url: links.page(row.link) }
}

interface Chat {
  id: string
  title: string | null
  author: string
  body: string
  createdAt: Date
  /** Unread ones. */
  total: number
}

function chatItem({ id, title, author, body, createdAt, total }: Chat, links: Links): MailItem {
  const where = title === null ? 'you' : title
  const text = total === 1 ? `${author} wrote to ${where}` : `${total} messages to ${where}, the last one by ${author}`
  return { text, detail: `${shortText(body)} · ${timeText(createdAt.toISOString())}`, url: links.page(`/chat/${id}`) }
}

const findNotifications = (userId: string, since: Date | null, upTo: Date): Prisma.Sql => Prisma.sql`
  SELECT n.*, a.name AS actor, j.name AS project FROM (
    SELECT t.*, count(*) OVER ()::int AS total FROM ${unseenIn(userId, since, upTo)} ORDER BY t.id DESC LIMIT ${LINES}) n
  LEFT JOIN "User" a ON a.id = n."actorId" LEFT JOIN "Project" j ON j.id = n."projectId" ORDER BY n.id DESC`

const findChats = (userId: string, since: Date | null, upTo: Date): Prisma.Sql => Prisma.sql`
  SELECT c.id, c.title, (SELECT name FROM "User" WHERE id = m."authorId") AS author, m.body, m."createdAt", m.total
  FROM ${unreadIn(userId, since, upTo)} ORDER BY m.id DESC LIMIT ${LINES}`

/** The mail about what a person has not seen; none where all of it was seen in the meantime. */
export const missedComposer =
  (links: Links): Composer =>
  async (query, payload) => {
    const { userId, since, upTo } = Payload.parse(payload)
    const [person] = await query<{ name: string; email: string }>(Prisma.sql`
      SELECT u.name, u.email FROM "User" u LEFT JOIN "MailPreference" p ON p."userId" = u.id
      WHERE u.id = ${userId}::uuid AND coalesce(p.missed, true)`)
    if (!person) return null
    const rows = await query<Row>(findNotifications(userId, since, upTo))
    const chats = (await query<Chat>(findChats(userId, since, upTo))).map((chat) => chatItem(chat, links))
    const total = rows[0]?.total ?? 0
    const rest = total - rows.length
    const notifications = [
      ...rows.map((row) => itemOf(row, links)),
      ...(rest > 0 ? [{ text: ['And', rest, 'more'].join(' ') }] : []),
    ]
    const [first] = [...notifications, ...chats]
    if (!first) return null
    const count = total + chats.length
    const heading = count === 1 ? first.text : `${count} things that you have not seen`
    const end = links.unsubscribe({ userId, kind: 'missed', projectId: null })
    const sections = [
      { title: 'Not seen yet', items: notifications },
      { title: 'Messages', items: chats },
    ].filter(({ items }) => items.length > 0)
    const button =
      total === 0
        ? { label: 'Open your messages', url: links.page('/chat') }
        : { label: 'Open your inbox', url: links.page('/inbox') }
    return {
      to: { name: person.name, address: person.email },
      subject: heading,
      unsubscribeUrl: end.oneClick,
      ...renderMail({
        heading,
        paragraphs: [],
        button,
        sections,
        notes: ['You get this mail because you were not there when it happened.'],
        unsubscribe: { label: 'No mails about what I have not seen', url: end.page },
      }),
    }
  }
