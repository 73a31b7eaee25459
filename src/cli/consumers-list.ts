import {
  type ConsumerLag,
  type JobRows,
  LISTED,
  type Meant,
  readConsumer,
  readJobs,
  readLag,
  retryFailed,
  STEP,
  skipFailed,
} from '../rooms/log/consumers/inspect.ts'
import { CommandError, cut, note, table } from './output.ts'
import { withStore } from './store.ts'

const printRows = (rows: object[]) => {
  for (const row of rows) console.log(JSON.stringify(row))
}

function printAll(consumers: ConsumerLag[], jobs: JobRows[]): void {
  if (consumers.length === 0) note('There are no consumers yet.')
  else
    console.log(
      table([
        ['CONSUMER', 'ROOMS', 'EVENTS', 'SECONDS', 'RETRIES', 'DEAD', 'LOST'],
        ...consumers.map((each) => [
          each.consumer,
          ...[each.rooms, each.events, Math.ceil(each.seconds), each.retries, each.deadLetters, each.lost].map(String),
        ]),
      ]),
    )
  if (jobs.length > 0)
    console.log(
      table([
        ['JOB', 'DUE', 'GIVEN UP', 'NEXT', 'ERROR'],
        ...jobs.map(({ job, due, failed, next, error }) => [job, `${due}`, `${failed}`, next ?? 'none', error ?? '']),
      ]),
    )
}

/** `cutroom consumers list`. @throws CommandError */
export async function listConsumers(name: string | undefined, { json }: { json?: boolean }): Promise<void> {
  await withStore(async ({ query }) => {
    const [consumers, jobs] = [await readLag(query), await readJobs(query)]
    if (name === undefined) {
      if (json) printRows([...consumers, ...jobs])
      else printAll(consumers, jobs)
      return
    }
    if (!consumers.some(({ consumer }) => consumer === name))
      throw new CommandError(`There is no consumer ${name}: cutroom consumers shows all`)
    const { behind, failed } = await readConsumer(query, name)
    if (json) return printRows([...behind, ...failed])
    if (behind.length > 0)
      console.log(table([['ROOM', 'CURSOR', 'HEAD'], ...behind.map(({ room, cursor, head }) => [room, `${cursor}`, `${head}`])]))
    for (const { state, room, seq, attempts, at, error } of failed) {
      const what = state === 'dead' ? `given up ${at}` : `tried again ${at}`
      console.log(`${room} ${seq}: ${what}, failed ${attempts} times`)
      console.log(`  ${cut(error, 500)}`)
    }
    if (behind.length + failed.length === 0) note(`${name} has read all there is, and nothing failed.`)
    if (behind.length === LISTED) note(`These are the ${LISTED} rooms that are furthest behind.`)
  })
}

/** `cutroom consumers retry`. @throws CommandError */
export async function retryConsumer(name: string, meant: Meant): Promise<void> {
  await withStore(async ({ commit }) => {
    let all = 0
    for (let count = STEP; count >= STEP; all += count) count = await commit(null, (write) => retryFailed(write, name, meant))
    if (all === 0) throw new CommandError(`Nothing of that has failed: cutroom consumers list ${name} shows what has`)
    console.log(`${all} to be tried again.`)
  })
}

/** `cutroom consumers skip`. @throws CommandError */
export async function skipConsumer(name: string, meant: Meant): Promise<void> {
  if (meant === 'all') return
  await withStore(async ({ commit }) => {
    if (!(await commit(null, (write) => skipFailed(write, name, meant))))
      throw new CommandError(`Nothing of that has failed: cutroom consumers list ${name} shows what has`)
    console.log('Skipped.')
  })
}
