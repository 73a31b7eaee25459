import type { Dialect, ToldEntry } from '../rooms/dialect.ts'

/** Its clients read everything again at each `database-changed`: of a burst they hear at its beginning and at its end. */
const COALESCE_MS = 250

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** What PhotoFlow keeps: tasks, and comments, which may also be on a cut. */
const ENTRY = /^(task|comment):/

/** The context that its document advises: what happened, to which task, when. */
function changed({ name, payload, meta }: ToldEntry) {
  const isTask = name.startsWith('task:')
  const taskId = text(payload.taskId) ?? (isTask ? text(payload.id) : null)
  const commentId = isTask ? null : (text(payload.commentId) ?? text(payload.id))
  return { type: name, taskId, ...(commentId !== null && { commentId }), timestamp: meta.at }
}

/**
 * PhotoFlow: `database-change` of one client is `database-changed` for all. What is written by others, and by clients that say nothing, is
 * told in the same way.
 */
export const photoflow: Dialect = {
  name: 'photoflow',
  translate: (entry) => (ENTRY.test(entry.name) ? [['database-changed', changed(entry)]] : []),
  coalesceMs: COALESCE_MS,
  requests: {
    'database-change'(caller, payload) {
      caller.relay(payload === undefined ? ['database-changed'] : ['database-changed', payload])
      return { ok: true }
    },
  },
}
