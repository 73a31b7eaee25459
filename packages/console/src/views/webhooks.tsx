import { webhooks as endpoints, type NewWebhook, type Webhook } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { complain, useRoom } from '../lib/room.ts'
import { announce } from '../lib/say.ts'
import { client, reasonOf } from '../lib/session.ts'
import { useLoaded } from '../lib/until-loaded.ts'
import { CopyField } from '../parts/copy-field.tsx'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Field, Form, useSubmission } from '../parts/form.tsx'
import { webhookTexts as words } from '../texts-webhooks.ts'
import { WebhookDeliveries } from './webhook-deliveries.tsx'

/** What is written with commas between; null: nothing. */
function typesOf(text: string): string[] | null {
  const types = text.split(/[\s,]+/).filter((type) => type !== '')
  return types.length === 0 ? null : types
}

function AddWebhook({ onClose, onMade }: { onClose: () => void; onMade: (made: NewWebhook) => void }) {
  const { projectId } = useRoom()
  const [url, setUrl] = useState('')
  const [events, setEvents] = useState('')
  const submission = useSubmission(['url'])
  return (
    <Dialog title={words.add} onClose={onClose}>
      <Form
        submission={submission}
        action={words.add}
        disabled={url.trim() === ''}
        work={async () => {
          const body = { url: url.trim(), events: typesOf(events) }
          onMade(await client.call(endpoints.create, { params: { projectId }, body }))
        }}
      >
        <Field
          label={words.url}
          value={url}
          onInput={setUrl}
          maxLength={2048}
          autocomplete="off"
          help={words.urlHelp}
          wrong={submission.field('url')}
        />
        <Field label={words.events} value={events} onInput={setEvents} autocomplete="off" help={words.eventsHelp} />
      </Form>
    </Dialog>
  )
}

/** A secret, which is never shown again. */
function Secret({ made, onClose }: { made: NewWebhook; onClose: () => void }) {
  return (
    <Dialog title={made.previousSecretUntil === null ? words.added : words.renewed} onClose={onClose}>
      <div class="stack">
        <p>{words.once}</p>
        <CopyField label={words.secret} value={made.secret} />
        {made.previousSecretUntil !== null && <p class="quiet small">{words.overlap}</p>}
        <p>
          <button type="button" class="button" onClick={onClose}>
            {words.kept}
          </button>
        </p>
      </div>
    </Dialog>
  )
}

function Row({ webhook, onSecret }: { webhook: Webhook; onSecret: (made: NewWebhook) => void }) {
  const { id, url, events, state, author } = webhook
  const [asking, setAsking] = useState<'deliveries' | 'renew' | 'delete' | null>(null)
  const params = { webhookId: id }
  const isOn = state === 'active'
  const close = () => setAsking(null)
  const act = (action: string, run: () => void) => (
    <button type="button" class="button tight" aria-label={words.of(action, url)} onClick={run}>
      {action}
    </button>
  )
  const turn = () => void client.call(endpoints.update, { params, body: { state: isOn ? 'off' : 'active' } }).catch(complain)
  const renew = () => void client.call(endpoints.rotate, { params }).then(onSecret, complain)
  const end = () => void client.call(endpoints.delete, { params }).then(() => announce(words.deleted), complain)
  return (
    <li>
      <div class="grow">
        <p class="long">
          <bdi dir="ltr">{url}</bdi> <span class={isOn ? 'chip' : 'chip warn'}>{words.states[state]}</span>
        </p>
        <p class="quiet small">{[events === null ? words.all : words.some(events.length), words.by(author.name)].join(' · ')}</p>
      </div>
      {act(words.deliveries, () => setAsking('deliveries'))}
      {act(isOn ? words.off : words.on, turn)}
      {act(words.renew, () => setAsking('renew'))}
      {act(words.delete, () => setAsking('delete'))}
      {asking === 'deliveries' && <WebhookDeliveries webhook={webhook} onClose={close} />}
      {asking === 'renew' && (
        <Confirm title={words.renew} text={words.renewText} action={words.renew} onDo={renew} onClose={close} />
      )}
      {asking === 'delete' && (
        <Confirm title={words.delete} text={words.deleteText} action={words.delete} onDo={end} onClose={close} />
      )}
    </li>
  )
}

/** The webhooks of the project; the room says when there are others. */
function useWebhooks(): { list: readonly Webhook[] | null; wrong: unknown } {
  const room = useRoom()
  const ask = () => client.call(endpoints.list, { params: { projectId: room.projectId } })
  const { found, wrong, reload } = useLoaded(ask, [room])
  useEffect(() => {
    const ends = (['webhook:created', 'webhook:updated', 'webhook:deleted'] as const).map((name) => room.on(name, reload))
    return () => {
      for (const end of ends) end()
    }
  }, [room])
  return { list: found?.data ?? null, wrong }
}

/** Where events of the project are sent, for owners. */
export function Webhooks() {
  const { list, wrong } = useWebhooks()
  const [isAdding, setAdding] = useState(false)
  const [made, setMade] = useState<NewWebhook | null>(null)
  return (
    <section class="card stack" aria-label={words.title}>
      <div class="row">
        <h2 class="grow">{words.title}</h2>
        <button type="button" class="button" onClick={() => setAdding(true)}>
          {words.add}
        </button>
      </div>
      <p class="quiet small">{words.text}</p>
      {wrong !== null && <p class="note bad">{reasonOf(wrong)}</p>}
      {list?.length === 0 && <p class="quiet">{words.none}</p>}
      {list !== null && list.length > 0 && (
        <ul class="list">
          {list.map((webhook) => (
            <Row key={webhook.id} webhook={webhook} onSecret={setMade} />
          ))}
        </ul>
      )}
      {isAdding && (
        <AddWebhook
          onClose={() => setAdding(false)}
          onMade={(webhook) => {
            setAdding(false)
            setMade(webhook)
          }}
        />
      )}
      {made !== null && <Secret made={made} onClose={() => setMade(null)} />}
    </section>
  )
}
