import { projectRoom } from '@cutroom/contract'
import type { TestApp } from '../support/app.ts'
import type { Person } from '../support/people.ts'
import type { Listener } from '../support/sockets.ts'

export const seqs = (events: { meta: { seq: number } }[]): number[] => events.map((event) => event.meta.seq)

/** After its answer, all that was sent to the socket before has come in. */
export const roundTrip = (listener: Listener) =>
  listener.ask('leave:project', { projectId: '00000000-0000-7000-8000-000000000000' })

/** Events without a notification: what another program, or a server that died after COMMIT, leaves behind. */
export async function append({ db }: TestApp, projectId: string, count: number): Promise<void> {
  await db.query(
    `SELECT append($1, 'task:deleted', json_build_object('taskId', gen_random_uuid())) FROM generate_series(1, $2::int)`,
    [projectRoom(projectId), count],
  )
}

/** Tasks one after another until `stop`, which resolves to how many were written. */
export function burst(person: Person, projectId: string): { stop: () => Promise<number> } {
  let going = true
  const run = async () => {
    let written = 0
    while (going) {
      await person.must('POST', `/api/projects/${projectId}/tasks`, { title: `${++written}` })
    }
    return written
  }
  const running = run()
  // Thrown to the caller of `stop`; until then it is not awaited.
  running.catch(() => {})
  return {
    stop: () => {
      going = false
      return running
    },
  }
}
