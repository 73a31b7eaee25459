import type { RoomEvent } from '@cutroom/client'
import { base } from '../lib/router.ts'
import { toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { moreTexts } from '../texts-more.ts'

const words = moreTexts.inspector

/** An event, and how long after its commit it came here, ms; null: it was read later. */
export interface Seen {
  event: RoomEvent
  late: number | null
}

const here = (): string => location.origin + base

/** The same event from the log, for a shell. */
const curlOf = ({ meta }: RoomEvent): string =>
  `curl -s -H "authorization: Bearer $TOKEN" '${here()}/api/projects/${meta.room.slice('project:'.length)}/events?after=${meta.seq - 1}&limit=1'`

/** How a program hears of such events, from this one on. */
const codeOf = ({ name, meta }: RoomEvent): string =>
  `import { createClient } from '@cutroom/client'

const client = createClient({ url: '${here()}' })
await client.login({ email, password })
const room = client.room('${meta.room.slice('project:'.length)}', {
  state: false,
  from: { epoch: '${meta.epoch}', seq: ${meta.seq - 1} },
})
room.on('${name}', (payload, meta) => console.log(meta.seq, payload))
`

async function copy(text: string): Promise<void> {
  // there is no clipboard on plain http, where the text can be selected
  await navigator.clipboard?.writeText(text)
  toast(words.copied)
}

/** One event: what it is, and on a click all that it carries. */
export function EventRow({ seen, isOpen, onToggle }: { seen: Seen; isOpen: boolean; onToggle: () => void }) {
  const { event, late } = seen
  const { seq, actor } = event.meta
  return (
    <div class="event" data-seq={seq}>
      <button type="button" class="event-head" aria-expanded={isOpen} onClick={onToggle} data-focus>
        <span class="seq-of">{seq}</span>
        <code class="clip grow">{event.name}</code>
        <span class="quiet clip who">{actor?.id === client.userId ? words.own : actor?.name}</span>
        {late !== null && (
          <span class="quiet" title={words.sinceHelp}>
            {words.since(late)}
          </span>
        )}
      </button>
      {isOpen && (
        <div class="stack event-body">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <section class="payload" tabIndex={0} aria-label={words.payload}>
            <pre dir="ltr">{JSON.stringify({ payload: event.payload, meta: event.meta }, null, 2)}</pre>
          </section>
          <div class="row wrap">
            <button type="button" class="button tight" onClick={() => void copy(curlOf(event))}>
              {words.copyCurl}
            </button>
            <button type="button" class="button tight" onClick={() => void copy(codeOf(event))}>
              {words.copyCode}
            </button>
          </div>
        </div>
      )}
    </div>
  )
}
