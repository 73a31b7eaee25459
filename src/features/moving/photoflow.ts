import { type Payload, type Person, projectRoom, type Task, tasks } from '@cutroom/contract'
import type * as z from 'zod'
import type { Query } from '../../db/client.ts'
import { idOf } from '../../db/ids.ts'
import { type CsvRow, readCsv, unneutralised } from '../../lib/csv.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { payloadsOf } from '../../rooms/log/entries.ts'
import { createTask } from '../tasks/writes.ts'

/** Orders of one file, at most. */
export const MAX_ORDERS = 20_000
/** Cells of a row, as PhotoFlow reads and writes them: id, task, due, status, information, finished, column. */
const CELLS = 7

/** What an order was at there is where its task stands here. */
const statuses: Readonly<Record<string, Task['status']>> = {
  NichtBearbeitet: 'todo',
  Entwickelt: 'doing',
  Retuschiert: 'review',
  Gedruckt: 'done',
}

type Body = z.output<typeof tasks.create.schema.body>
/** An order as the task that it becomes; its id is the same in each import into the same project. */
export type Order = Body & { id: string }

export interface Misfit {
  row: number
  message: string
}

/** @returns null where it is no time */
function timeOf(cell: string): string | null {
  const time = new Date(cell)
  return Number.isNaN(time.getTime()) ? null : time.toISOString()
}

function orderOf(projectId: string, { cells }: CsvRow): Order | string {
  if (cells.length !== CELLS) return `has ${cells.length} cells, not ${CELLS}`
  const [id = '', title = '', due = '', status = '', information = '', finished = '', column = ''] = cells.map((cell) =>
    unneutralised(cell).trim(),
  )
  if (!/^\d{1,15}$/.test(id)) return `its id is ${JSON.stringify(id.slice(0, 40))}, no number`
  const known = Object.hasOwn(statuses, status) ? statuses[status] : undefined
  if (known === undefined)
    return `its status is ${JSON.stringify(status.slice(0, 40))}, none of ${Object.keys(statuses).join(', ')}`
  const dueAt = due === '' ? null : timeOf(due)
  if (due !== '' && dueAt === null) return `its date is ${JSON.stringify(due.slice(0, 40))}, no time`
  const parsed = tasks.create.schema.body.safeParse({
    title,
    description: information === '' ? null : information,
    status: finished === 'true' ? 'done' : known,
    dueAt,
    labels: [status, ...(column === '' ? [] : [`column ${column}`])],
  })
  const [issue] = parsed.error?.issues ?? []
  return parsed.success
    ? { ...parsed.data, id: idOf(projectId, `photoflow:${id}`) }
    : `${issue?.path.join('/')}: ${issue?.message}`
}

/**
 * The orders of a CSV of PhotoFlow, whose first row has names.
 * @returns tasks, and the rows that do not fit, with the reason
 * @throws CsvError where it is no CSV
 */
export function readOrders(csv: string, projectId: string): { orders: Order[]; misfits: Misfit[] } {
  const [orders, misfits]: [Map<string, Order>, Misfit[]] = [new Map(), []]
  for (const row of readCsv(csv, MAX_ORDERS + 2).slice(1)) {
    const order = orders.size < MAX_ORDERS ? orderOf(projectId, row) : `there are more than ${MAX_ORDERS} orders`
    if (typeof order === 'string') misfits.push({ row: row.number, message: order })
    else if (orders.has(order.id)) misfits.push({ row: row.number, message: 'its id stands in a row before' })
    else orders.set(order.id, order)
  }
  return { orders: [...orders.values()], misfits }
}

/** Tasks of a project that were deleted, as far as its log reaches back: an import brings none of them again. @returns their ids */
export async function deletedTasks(query: Query, projectId: string): Promise<ReadonlySet<string>> {
  const rows = await query<{ payload: Payload<'task:deleted'> }>(payloadsOf(projectRoom(projectId), 'task:deleted'))
  return new Set(rows.map(({ payload }) => payload.taskId))
}

/** Makes those tasks that are not there yet, in the order of the rows. @returns how many */
export async function writeOrders(write: Write, projectId: string, author: Person, orders: readonly Order[]): Promise<number> {
  const found = await write.query<{ id: string }>({
    text: 'SELECT id FROM "Task" WHERE id = ANY ($1::uuid[])',
    values: [orders.map(({ id }) => id)],
  })
  const there = new Set(found.map(({ id }) => id))
  const fresh = orders.filter(({ id }) => !there.has(id))
  for (const order of fresh) await createTask(write, projectId, author, order)
  return fresh.length
}
