import { readFile, stat } from 'node:fs/promises'
import { projectIdOf } from '../features/moving/export.ts'
import { deletedTasks, type Order, readOrders, writeOrders } from '../features/moving/photoflow.ts'
import { CsvError } from '../lib/csv.ts'
import { CommandError, note, showProgress } from './output.ts'
import { personOf, type Store, withStore } from './store.ts'

export interface PhotoFlowOptions {
  project: string
  as: string
  dryRun?: boolean
}

/** Bytes of a file; PhotoFlow itself takes 3 MB. */
const MAX_BYTES = 16 * 1024 ** 2
/** Tasks of one write, and rows that are listed. */
const [BATCH, LISTED] = [100, 100]

async function read(file: string, projectId: string) {
  const found = await stat(file).catch(() => null)
  if (!found?.isFile()) throw new CommandError(`${file} is no file`)
  if (found.size > MAX_BYTES) throw new CommandError(`${file} has more than ${MAX_BYTES / 1024 ** 2} MiB`)
  try {
    return readOrders(await readFile(file, 'utf8'), projectId)
  } catch (error) {
    throw error instanceof CsvError ? new CommandError(`row ${error.row}: ${error.message}`) : error
  }
}

/** Who writes, in whose name: a member who may make tasks. @throws CommandError */
async function authorIn(store: Store, projectId: string, email: string) {
  const { id, name, avatarUrl } = await personOf(store, email)
  const member = await store.prisma.member.findUnique({ where: { projectId_userId: { projectId, userId: id } } })
  if (member?.role !== 'owner' && member?.role !== 'editor')
    throw new CommandError(`${email} is no owner or editor of project ${projectId}, in whose name tasks could be made`)
  return { id, name, avatarUrl }
}

/** `cutroom import photoflow`. @throws CommandError */
export async function importPhotoFlow(file: string, { project, as, dryRun = false }: PhotoFlowOptions): Promise<void> {
  const projectId = projectIdOf(project)
  if (projectId === null) throw new CommandError(`There is no project ${project}`)
  const { orders, misfits } = await read(file, projectId)
  const { made, gone } = await withStore(async (store) => {
    const author = await authorIn(store, projectId, as)
    const deleted = await deletedTasks(store.query, projectId)
    const wanted = orders.filter(({ id }) => !deleted.has(id))
    const gone = orders.length - wanted.length
    if (dryRun) return { made: 0, gone }
    let [done, made] = [0, 0]
    const stop = showProgress(() => ({ done, total: wanted.length, unit: 'orders' }))
    try {
      for (; done < wanted.length; done += BATCH) {
        const batch: Order[] = wanted.slice(done, done + BATCH)
        made += await store.commit(author, (write) => writeOrders(write, projectId, author, batch))
      }
    } finally {
      done = Math.min(done, wanted.length)
      stop()
    }
    return { made, gone }
  })
  if (dryRun) note(`${orders.length} ${orders.length === 1 ? 'order fits' : 'orders fit'}. Nothing was changed.`)
  else {
    const here = orders.length - gone - made
    note(`${made} ${made === 1 ? 'task was' : 'tasks were'} made; ${here} ${here === 1 ? 'was' : 'were'} here already.`)
  }
  if (gone > 0) note(`${gone} ${gone === 1 ? 'was' : 'were'} deleted here, and ${gone === 1 ? 'does' : 'do'} not come again.`)
  if (misfits.length > 0) note(`${misfits.length} ${misfits.length === 1 ? 'row does' : 'rows do'} not fit:`)
  for (const { row, message } of misfits.slice(0, LISTED)) note(`  row ${row}: ${message}`)
}
