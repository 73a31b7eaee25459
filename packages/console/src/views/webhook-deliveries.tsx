import { webhooks as endpoints, type Webhook, type WebhookDelivery } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { complain } from '../lib/room.ts'
import { announce, toast } from '../lib/say.ts'
import { client, reasonOf } from '../lib/session.ts'
import { exact } from '../lib/time.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Ago } from '../parts/face.tsx'
import { webhookTexts as words } from '../texts-webhooks.ts'

/** Deliveries of a page, and how often the first page is read while it is shown, ms: attempts are no events. */
const PAGE = 20
const EVERY_MS = 3_000

function Row({ delivery, onAgain }: { delivery: WebhookDelivery; onAgain: (after: number, upTo?: number) => void }) {
  const { type, seq, status, cause, attempts, error, nextAt, lastAt, createdAt } = delivery
  const facts = [
    seq !== null && words.position(seq),
    words.causes[cause],
    words.attempts(attempts),
    status !== 'delivered' && error,
    nextAt !== null && attempts > 0 && words.next(exact(nextAt)),
  ]
  return (
    <li>
      <div class="grow">
        <p>
          <strong>{type}</strong> <span class={status === 'failed' ? 'chip warn' : 'chip'}>{words.statuses[status]}</span>{' '}
          <Ago at={lastAt ?? createdAt} />
        </p>
        <p class="quiet small long">{facts.filter(Boolean).join(' · ')}</p>
      </div>
      {seq !== null && (
        <>
          <button
            type="button"
            class="button tight"
            aria-label={words.of(words.again, `${type}, ${words.position(seq)}`)}
            onClick={() => onAgain(seq - 1, seq)}
          >
            {words.again}
          </button>
          <button
            type="button"
            class="button tight"
            aria-label={words.of(words.onwards, `${type}, ${words.position(seq)}`)}
            onClick={() => onAgain(seq - 1)}
          >
            {words.onwards}
          </button>
        </>
      )}
    </li>
  )
}

/** The deliveries that are shown, and where older ones are; null: there are none. */
interface Shown {
  rows: readonly WebhookDelivery[]
  cursor: string | null
}

/** A new first page with what is shown below it, where they follow each other. */
function above(first: Shown, shown: Shown | null): Shown {
  const last = first.rows.at(-1)?.id
  const at = shown?.rows.findIndex(({ id }) => id === last) ?? -1
  return shown && at >= 0 ? { ...shown, rows: [...first.rows, ...shown.rows.slice(at + 1)] } : first
}

/** What a webhook was sent, with tests and replays. */
export function WebhookDeliveries({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const params = { webhookId: webhook.id }
  const [list, setList] = useState<Shown | null>(null)
  const [wrong, setWrong] = useState<string | null>(null)
  const load = (after?: string) =>
    client.call(endpoints.deliveries, { params, query: { limit: PAGE, ...(after !== undefined && { cursor: after }) } }).then(
      ({ data, nextCursor }) => {
        setWrong(null)
        const page = { rows: data, cursor: nextCursor }
        setList((shown) => {
          if (after === undefined) return above(page, shown)
          // unless the list has begun anew
          return shown?.cursor === after ? { ...page, rows: [...shown.rows, ...data] } : shown
        })
      },
      (error) => setWrong(reasonOf(error)),
    )
  useEffect(() => {
    void load()
    const timer = setInterval(() => document.visibilityState === 'visible' && void load(), EVERY_MS)
    return () => clearInterval(timer)
  }, [webhook.id])
  const test = () =>
    client.call(endpoints.test, { params }).then(() => {
      announce(words.tested)
      return load()
    }, complain)
  const again = (after: number, upTo?: number) =>
    client.call(endpoints.replay, { params, body: { after, ...(upTo !== undefined && { upTo }) } }).then((answer) => {
      const isAll = upTo !== undefined || answer.upTo >= answer.head
      toast([words.queued(answer.queued), ...(isAll ? [] : [words.more(answer.upTo)])].join('. '))
      return load()
    }, complain)
  const cursor = list?.cursor
  return (
    <Dialog title={words.of(words.deliveries, webhook.url)} wide onClose={onClose}>
      <div class="stack">
        {webhook.state === 'active' && (
          <p>
            <button type="button" class="button primary" onClick={() => void test()}>
              {words.test}
            </button>
          </p>
        )}
        {wrong !== null && <p class="note bad">{wrong}</p>}
        {list?.rows.length === 0 && <p class="quiet">{words.noDeliveries}</p>}
        <ul class="list">
          {list?.rows.map((delivery) => (
            <Row key={delivery.id} delivery={delivery} onAgain={(after, upTo) => void again(after, upTo)} />
          ))}
        </ul>
        {cursor && (
          <p>
            <button type="button" class="button" onClick={() => void load(cursor)}>
              {words.older}
            </button>
          </p>
        )}
      </div>
    </Dialog>
  )
}
