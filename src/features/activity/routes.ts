import { activity as contract } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Noun } from '../shared/noun.ts'
import type { Asked } from '../shared/paging.ts'
import { type FeedReader, readFeed } from './feed.ts'
import type { Search } from './look.ts'
import { createActivityReader, shownActions } from './serialize.ts'
import { dismiss, markRead, restore } from './writes.ts'

interface Filters {
  limit: number
  cursor?: string | undefined
  action?: readonly string[] | undefined
  actorId?: string | undefined
  unread?: 'true' | undefined
  dismissed: 'true' | 'false'
}

/** What happened in projects, read from their logs; and how far each person has read it. */
export function activityRoutes(
  app: FastifyInstance,
  { pages, nouns, retentionSeconds }: Pick<Database, 'pages'> & { nouns: readonly Noun[]; retentionSeconds: number | null },
): void {
  const shown = shownActions(nouns)
  const { log } = app.rooms
  const reader: FeedReader = { query: pages.query, activityOf: createActivityReader(nouns), epoch: log.epoch, retentionSeconds }

  async function list(asked: Asked & { query: Filters }, userId: string, projectId: string | null) {
    const { action, actorId = null, unread, dismissed } = asked.query
    const search: Search = {
      userId,
      projectId,
      actions: action ? shown.filter((name) => action.includes(name)) : shown,
      isRare: action !== undefined || actorId !== null || unread !== undefined || dismissed === 'true',
      actorId,
      unread: unread === 'true',
      dismissed: dismissed === 'true',
    }
    const page = await readFeed(reader, asked, search)
    if (!page) throw problem('not-found')
    return page
  }

  app.serve(contract.project, (asked) => list(asked, asked.me.userId, asked.params.projectId))
  app.serve(contract.list, (asked) => list(asked, asked.me.person.id, asked.query.projectId ?? null))
  app.write(contract.read, ({ me, body }, write) => markRead(write, me.person.id, body))
  app.write(contract.dismiss, ({ me, params }, write) => dismiss(write, me.person.id, params.eventId, shown))
  app.write(contract.restore, ({ me, params }, write) => restore(write, me.person.id, params.eventId, shown))
}
