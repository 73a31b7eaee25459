import { once } from 'node:events'
import { forkProgram } from '../../test/support/fork.ts'

/** A process of our own that is asked one thing at a time. */
export interface Worker<Message> {
  pid: number
  /** @throws what the process threw, and when it has ended */
  ask<T>(message: Message): Promise<T>
  close(): Promise<void>
}

type Answer = { result: unknown } | { error: string }
type Close = { type: 'close' }

let started = 0

/**
 * Starts a file that calls `serve`. Its first argument is a number that no other worker has: each counts its own `n` from
 * there, so that no two write the same.
 * @param file beside this one
 */
export function startWorker<Message extends { type: string }>(file: string): Worker<Message> {
  started++
  const { child, exited, isRunning, end, send } = forkProgram(new URL(file, import.meta.url), [String(started)])
  async function ask<T>(message: Message | Close): Promise<T> {
    const answered = once(child, 'message') as Promise<[Answer]>
    send(message)
    const [answer] = (await Promise.race([answered, exited])) as [Answer | number | null]
    if (answer === null || typeof answer === 'number') throw new Error(`${file} ended (${answer})`)
    if ('error' in answer) throw new Error(answer.error)
    return answer.result as T
  }
  return {
    pid: child.pid ?? 0,
    ask,
    async close() {
      if (!isRunning()) return
      await ask({ type: 'close' }).then(() => exited, end)
    },
  }
}

/** Answers the parent until it says close, or is gone. */
export function serve<Message extends { type: string }>(answer: (message: Message | Close) => Promise<unknown>): void {
  const send = (message: Answer) => void process.send?.(message)
  process.on('message', (message: Message | Close) => {
    answer(message).then(
      (result) => {
        send({ result })
        if (message.type === 'close') process.disconnect()
      },
      (error: unknown) => send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
  })
  process.on('disconnect', () => process.exit(0))
}
