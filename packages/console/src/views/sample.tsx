import { useEffect, useState } from 'preact/hooks'
import { go, projectPath } from '../lib/router.ts'
import { writeSample } from '../lib/sample.ts'
import { announce } from '../lib/say.ts'
import { useSubmission } from '../parts/form.tsx'
import { moreTexts } from '../texts-more.ts'

const words = moreTexts.home

/** Offers the sample band, and writes it. @param onBusy its project appears long before it is written */
export function Sample({ onBusy }: { onBusy: (isBusy: boolean) => void }) {
  const submission = useSubmission()
  const [progress, setProgress] = useState<{ done: number; of: number } | null>(null)
  const [ending] = useState(() => new AbortController())
  useEffect(() => () => ending.abort(), [])
  useEffect(() => onBusy(submission.busy), [submission.busy])
  const write = async () => {
    const projectId = await writeSample((done, of) => setProgress({ done, of }), ending.signal)
    announce(words.sampleDone)
    go(projectPath(projectId))
  }
  return (
    <section class="stack" aria-label={words.sample}>
      <p class="row wrap">
        <span class="quiet">{words.or}</span>
        <button type="button" class="button" disabled={submission.busy} onClick={() => void submission.run(write)}>
          {words.sample}
        </button>
      </p>
      {submission.busy && progress && (
        <p class="row wrap">
          <progress max={progress.of} value={progress.done} aria-label={words.sampleBusy} />
          <span class="quiet small">{words.sampleSteps(progress.done, progress.of)}</span>
        </p>
      )}
      {submission.wrong !== null && (
        <p class="note bad" role="alert">
          {submission.wrong} {words.samplePart}
        </p>
      )}
    </section>
  )
}
