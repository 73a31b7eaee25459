// The program of one job: src/media/run-job.ts starts it, sends one job, takes one answer, and ends it.
import { analyseAudio } from './analyse.ts'
import { failureOf } from './failure.ts'
import { makeThumbnail } from './image.ts'
import type { Answer, Job, JobResult } from './types.ts'

const answer = (message: Answer) => process.send?.(message, () => process.exit())
const report = (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })

const run = (job: Job): Promise<JobResult> =>
  job.kind === 'audio' ? analyseAudio(job.path, job.type, job.limits) : makeThumbnail(job.path, job.limits)

/** Errors that a decoder throws outside of the call that it was given. */
function onStray(error: unknown): void {
  try {
    answer({ result: failureOf(error) })
  } catch (ofSystem) {
    report(ofSystem)
  }
}
process.on('uncaughtException', onStray)
process.on('unhandledRejection', onStray)
// Without the server there is none to answer to. Signals to the whole group are the server's to handle.
process.on('disconnect', () => process.exit())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

process.once('message', (job: Job) => {
  run(job).then((result) => answer({ result }), report)
})
