import { type ChildProcess, fork } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { program } from './program.ts'
import type { Answer, FailureReason, Job, JobResult } from './types.ts'

/** Between two looks at a job's memory, ms. */
const WATCH_MS = 100
/** Behind the server, whose requests come first. */
const NICENESS = 10

/** Resident memory, bytes; null where there is no /proc, or no process any more. */
async function memoryOf(pid: number): Promise<number | null> {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? null : Number(kib) * 1024
  } catch {
    return null
  }
}

/** What the end of a process without an answer says about the file; null where it says nothing. */
function reasonOf(signal: NodeJS.Signals | null): FailureReason | null {
  // V8 aborts where it gets no memory; the kernel kills where there is none.
  if (signal === 'SIGABRT' || signal === 'SIGKILL') return 'out-of-memory'
  return signal === 'SIGSEGV' || signal === 'SIGBUS' || signal === 'SIGILL' || signal === 'SIGTRAP' || signal === 'SIGFPE'
    ? 'damaged'
    : null
}

function behindTheServer({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, NICENESS)
  } catch {
    // It has ended, or the system has no such thing.
  }
}

/**
 * Runs one job in a process of its own, which ends with it: a decoder may hang, ask for all memory or crash, and the server goes on.
 * @throws the reason of `signal`, or an error that says nothing about the file
 */
export function runJob(job: Job, signal: AbortSignal): Promise<JobResult> {
  signal.throwIfAborted()
  const { timeMs, memoryBytes } = job.limits
  const { entry, execArgv } = program()
  return new Promise((resolve, reject) => {
    // What decoders print goes nowhere, and of the environment, with its secrets, nothing goes to them.
    const child = fork(entry, { execArgv, env: {}, serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    let outcome: (() => void) | undefined
    /** The first outcome counts; it is told when the process has ended. */
    const end = (result: () => void) => {
      outcome ??= result
      child.kill('SIGKILL')
    }
    const fail = (reason: FailureReason) => end(() => resolve({ ok: false, reason }))
    const onAbort = () => end(() => reject(signal.reason))
    const timer = setTimeout(() => fail('timed-out'), timeMs)
    const watch = setInterval(async () => {
      const bytes = await memoryOf(child.pid ?? 0)
      if (bytes !== null && bytes > memoryBytes) fail('out-of-memory')
    }, WATCH_MS)
    const stop = () => {
      clearTimeout(timer)
      clearInterval(watch)
      signal.removeEventListener('abort', onAbort)
    }
    signal.addEventListener('abort', onAbort)
    behindTheServer(child)
    child.once('error', (error) => {
      // It did not start, or a message did not reach it. One that never ran has no exit.
      outcome ??= () => reject(error)
      if (child.pid === undefined) {
        stop()
        outcome()
      } else child.kill('SIGKILL')
    })
    child.once('message', (answer: Answer) =>
      end(() => ('result' in answer ? resolve(answer.result) : reject(new Error(`media: ${answer.error}`)))),
    )
    child.once('exit', (code, by) => {
      stop()
      const reason = reasonOf(by)
      if (outcome) outcome()
      else if (reason) resolve({ ok: false, reason })
      else reject(new Error(`media: the process of a job ended without an answer (${by ?? code})`))
    })
    child.send(job)
  })
}
