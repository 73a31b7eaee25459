import { firstTexts as texts } from '../texts-first.ts'

/** Grey bars, after 150 ms; after 10 s what is being waited for. */
export function Waiting({ reason }: { reason?: string }) {
  return (
    <div class="page" role="status" aria-label={texts.loading}>
      <div class="skeleton" style={{ height: '32px', width: '40%' }} />
      <div class="skeleton" style={{ height: '96px' }} />
      <div class="skeleton" style={{ height: '96px' }} />
      {reason !== undefined && <p class="note warn waits">{reason}</p>}
    </div>
  )
}
