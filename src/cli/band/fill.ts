import { randomUUID } from 'node:crypto'
import { type CallOptions, type CutroomClient, comments, cuts, type Task, tasks, vibes } from '@cutroom/client'
import type { Band, ThreadPlan, Who } from './plan.ts'

/** A member as the one who fills the project speaks for them. */
export interface Hand {
  client: CutroomClient
  userId: string
}

/** What was written, for the session to work with. */
export interface Filled {
  vibes: { id: string; name: string }[]
  cuts: { id: string; name: string; vibe: number }[]
  tasks: { id: string; title: string; status: Task['status'] }[]
  /** First comments on cuts that are not resolved. */
  open: { id: string; cutId: string }[]
}

/** Writes that a band needs. */
export const writesOf = ({ vibes, cuts, tasks, threads }: Band): number =>
  vibes.length +
  tasks.length +
  cuts.length +
  cuts.filter((cut) => cut.lyrics.length > 0).length +
  threads.reduce((sum, thread) => sum + 1 + thread.replies.length + (thread.resolved ? 1 : 0), 0)

/** Runs over `items`, at most `lanes` at a time. The answers stand as the items did. */
async function inParallel<T, R>(lanes: number, items: readonly T[], run: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const answers: R[] = []
  const queue = items.entries()
  const lane = async () => {
    for (const [index, item] of queue) answers[index] = await run(item, index)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return answers
}

/** Told of each request by its key. */
export interface FillLog {
  sending?: (key: string, userId: string) => void
  answered(key: string): void
}

/** Writes the whole band through the API, as its members, `lanes` requests at a time. */
export async function fill(band: Band, projectId: string, hands: readonly Hand[], lanes: number, log: FillLog): Promise<Filled> {
  async function write<T>(who: Who, run: (client: CutroomClient, options: CallOptions) => Promise<T>): Promise<T> {
    const hand = hands[who]
    if (!hand) throw new RangeError(`no member ${who}`)
    const idempotencyKey = randomUUID()
    log.sending?.(idempotencyKey, hand.userId)
    const answer = await run(hand.client, { idempotencyKey, retryForMs: 30_000 })
    log.answered(idempotencyKey)
    return answer
  }
  const idAt = (list: readonly { id: string }[], index: number): string => list[index]?.id ?? ''

  const params = { projectId }
  const madeVibes = await inParallel(1, band.vibes, (body) =>
    write(0, ({ call }, options) => call(vibes.create, { params, body, ...options })),
  )
  const madeTasks = await inParallel(lanes, band.tasks, ({ assignee, ...task }) => {
    const body = { ...task, assigneeId: assignee === null ? null : (hands[assignee]?.userId ?? null) }
    return write(1, ({ call }, options) => call(tasks.create, { params, body, ...options }))
  })
  const madeCuts = await inParallel(lanes, band.cuts, async ({ vibe, lyrics, ...body }, index) => {
    const by = index % 3 === 0 ? 0 : 1
    const cut = await write(by, ({ call }, options) =>
      call(cuts.create, { params: { vibeId: idAt(madeVibes, vibe) }, body, ...options }),
    )
    if (lyrics.length > 0) {
      const lines = lyrics.map((text, line) => ({ text, atMs: 12_000 + line * 4_000 }))
      const at = { params: { cutId: cut.id }, body: { lyrics: lines } }
      await write(1, ({ call }, options) => call(cuts.writeLyrics, { ...at, ...options }))
    }
    return { id: cut.id, name: cut.name, vibe }
  })

  async function thread({ on, by, body, atMs, endMs, replies, resolved }: ThreadPlan) {
    const cutId = 'cut' in on ? idAt(madeCuts, on.cut) : null
    const { id } = await write(by, ({ call }, options) =>
      'cut' in on
        ? call(comments.createOnCut, { params: { cutId: idAt(madeCuts, on.cut) }, body: { body, atMs, endMs }, ...options })
        : call(comments.createOnTask, { params: { taskId: idAt(madeTasks, on.task) }, body: { body }, ...options }),
    )
    const at = { params: { commentId: id } }
    for (const reply of replies)
      await write(reply.by, ({ call }, options) => call(comments.reply, { ...at, body: { body: reply.body }, ...options }))
    if (resolved) await write(1, ({ call }, options) => call(comments.resolve, { ...at, ...options }))
    return resolved || cutId === null ? null : { id, cutId }
  }
  const threads = await inParallel(lanes, band.threads, thread)
  return { vibes: madeVibes, cuts: madeCuts, tasks: madeTasks, open: threads.filter((made) => made !== null) }
}
